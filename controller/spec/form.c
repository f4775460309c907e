/* forms[]: what texts must look like. A match costs a microsecond; patterns are compiled once, when the
 * first text asks for them. */
#include "spec/form.h"
#include "base/arena.h"
#include <string.h>

/* One part of a path: not empty, not `.` or `..`, no slash, no control characters. */
#define PART "(?!\\.{1,2}(/|$))[^/\\x00-\\x1f\\x7f]+"
#define NAME "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
/* In a class. Not \s, of which each dialect of regular expressions has its own idea beyond ASCII. */
#define BLANKS "\\x00-\\x20\\x7f"
#define OCTET "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define IPV4 OCTET "(\\." OCTET "){3}"
#define HEX "[0-9a-fA-F]{1,4}"
/* Eight groups; or fewer, and `::` once for the rest, behind none to seven of them. */
#define IPV6                                                                                                     \
	"((" HEX ":){7}" HEX "|(" HEX ":){1,7}:|(" HEX ":){1,6}:" HEX "|(" HEX ":){1,5}(:" HEX "){2}|"           \
	"(" HEX ":){1,4}(:" HEX "){3}|(" HEX ":){1,3}(:" HEX "){4}|(" HEX ":){1,2}(:" HEX "){5}|"                 \
	HEX ":(:" HEX "){6}|:(:" HEX "){1,7}|::)"
#define PORT "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
#define SENTINEL "(\\[" IPV6 "\\]|[A-Za-z0-9._-]+)(:" PORT ")?"
#define CPUS "[0-9]{1,4}(-[0-9]{1,4})?"
#define DAY "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"

/* -- hints: what people write instead, and what they mean -------------------------------------------- */

static const char *hint_name(struct arena *a, const char *text)
{
	(void)a;
	if (strlen(text) > 128 || !g_ascii_isalnum(text[0]))
		return "a name has 1 to 128 characters and begins with a letter or digit";
	return "a name has letters, digits, `.`, `_` and `-` only";
}

static const char *hint_absolute_path(struct arena *a, const char *text)
{
	(void)a;
	return text[0] != '/' ? "write an absolute path"
	                      : "write the path without `.`, `..` and doubled or trailing slashes";
}

static const char *hint_root_path(struct arena *a, const char *text)
{
	g_autofree char *root = g_strndup(text, strcspn(text, ":"));
	const char *path = text + strlen(root);
	if (!*path || !path[1] || form_check(a, FORM_NAME, root))
		return "write ROOT:path, as shots:nimbus/sh010.blend";
	if (g_str_has_prefix(path, ":.cleave"))
		return "paths that begin with .cleave belong to cleave";
	return "the path stays inside its root: no leading slash, no `.`, `..` or doubled slashes";
}

static const char *hint_output(struct arena *a, const char *text)
{
	const char *wrong = form_check(a, FORM_ROOT_PATH, text);
	return wrong ? wrong : "the file name needs `#` where the frame number goes, as frames:shot/beauty.####.png";
}

static const char *hint_redis_url(struct arena *a, const char *text)
{
	(void)a;
	if (g_str_has_prefix(text, "rediss://"))
		return "TLS is not built in; put stunnel in front, as contrib/redis/stunnel.conf does, and write redis://127.0.0.1:6379/0";
	const char *mark = strstr(text, "://"), *at = strchr(text, '@'), *colon = mark ? strchr(mark + strlen("://"), ':') : NULL;
	if (at && colon && colon < at)
		return "a password does not stand in a spec; put it in a file on the host and name that in `passwordFile`";
	return "write redis://HOST:PORT/DB, redis+unix:///PATH or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE";
}

static const char *hint_tag(struct arena *a, const char *text)
{
	return strlen(text) > 31 ? "a mount tag has 31 characters at most" : hint_name(a, text);
}

static const char *hint_sha256(struct arena *a, const char *text)
{
	if (g_str_has_prefix(text, "sha256:"))
		return arena_printf(a, "write the digits alone: %.80s", text + strlen("sha256:"));
	return "a sha256 has 64 lowercase hex digits";
}

static const char *hint_pci_address(struct arena *a, const char *text)
{
	if (strlen(text) == 7 && text[2] == ':' && text[5] == '.')
		return arena_printf(a, "write the full PCI address; did you mean \"0000:%s\"?", text);
	return "write the full PCI address, as 0000:25:00.0";
}

static const char *hint_pci_id(struct arena *a, const char *text)
{
	if (g_str_has_prefix(text, "0x"))
		return arena_printf(a, "hex digits without 0x, as 10de:2231");
	return "vendor and device as four hex digits each, as 10de:2231 (lspci -nn shows them)";
}

static const char *hint_cidr(struct arena *a, const char *text)
{
	if (!strchr(text, '/') && !form_check(a, FORM_IP, text))
		return arena_printf(a, "the length of the prefix is missing, as %s/24", text);
	return "write an address and the length of its prefix, as 10.20.1.11/24";
}

static const char *hint_time_of_day(struct arena *a, const char *text)
{
	(void)a;
	(void)text;
	return "write hours and minutes in quotes, as \"03:00\"";
}

/* -- what most texts are ---------------------------------------------------------------------------------- */

static gboolean is_word_char(char c)
{
	return g_ascii_isalnum(c) || c == '_' || c == '-';
}

/* Words of up to 15 characters: names, pools, bridges. */
static gboolean is_short_word(const char *text)
{
	guint n = 0;
	while (n < 15 && is_word_char(text[n]))
		n++;
	return n > 0 && !text[n] && g_ascii_isalnum(text[0]);
}

/* Parts of word characters, with dots behind the first of a part. */
static gboolean is_simple_path(const char *text)
{
	do {
		if (*text++ != '/' || !is_word_char(*text))
			return FALSE;
		while (is_word_char(*text) || *text == '.')
			text++;
	} while (*text);
	return TRUE;
}

/* -- the table ------------------------------------------------------------------------------------------ */

const struct form forms[N_FORMS] = {
	[FORM_LINE] = { "one line of text", "^[^\\x00-\\x1f\\x7f]+$", "must be one line without control characters",
	                { "A line", "b: c" }, { "", "two\nlines", "bell\a" }, .hint = NULL },
	[FORM_TEXT] = { "text", "^[^\\x00-\\x08\\x0b-\\x1f\\x7f]+$", "must have no control characters but tab and newline",
	                { "two\nlines\n", "a\tb" }, { "", "bell\a" }, .hint = NULL },
	[FORM_NAME] = { "a name", "^" NAME "$", "a name has letters, digits, `.`, `_` and `-` only",
	                { "SQ010_SH0040_lgt_v012", "a", "gpu01.rack-3" }, { "", "-a", ".a", "a/b", "a b", "$(id)", "<a>", "ä" },
	                .is_surely = is_short_word, .hint = hint_name },
	[FORM_TAG] = { "a mount tag", "^[A-Za-z0-9][A-Za-z0-9._-]{0,30}$", "a mount tag has 31 characters at most",
	               { "frames", "a.b-c" }, { "", "/a", "a b", "abcdefghijklmnopqrstuvwxyz0123456" }, .is_surely = is_short_word, .hint = hint_tag },
	[FORM_ABSOLUTE_PATH] = { "an absolute path", "^(/|(/" PART ")+)$", "write an absolute path",
	                         { "/srv/frames", "/", "/a/.b/c..d", "/Mit Leer" },
	                         { "", "a/b", "/a/", "//a", "/a//b", "/a/../b", "/./a", "/a\n" }, .is_surely = is_simple_path, .hint = hint_absolute_path },
	[FORM_FILE] = { "a file: relative in the commit's tree, or absolute on the host",
	                "^(/" PART "|(?!/)" PART ")(/" PART ")*$",
	                "write a path in this repository, as keys/ops.pub, or an absolute one on the host; without `.` and `..`",
	                { "keys/ops.pub", "/etc/cleave/redis.pass" }, { "", "../a", "a/../b", "a/", "a//b", "/", "./a" }, .hint = NULL },
	[FORM_TREE_FOLDER] = { "a folder of a tree", "^" PART "(/" PART ")*$",
	                       "write a path within the tree, without a leading slash, `.` and `..`",
	                       { "farm", "farm/jobs" }, { "", "/farm", "../farm", "farm/", "a//b" }, .hint = NULL },
	[FORM_ROOT_PATH] = { "a path in a root", "^" NAME ":(?!\\.cleave)" PART "(/" PART ")*$",
	                     "write ROOT:path, as shots:nimbus/sh010.blend",
	                     { "shots:nimbus/sh010.blend", "a:b" },
	                     { "", "nimbus/sh010.blend", ":a", "shots:", "shots:/a", "shots:../a", "shots:a//b", "shots:.cleave/a" },
	                     .hint = hint_root_path },
	[FORM_OUTPUT] = { "a path in a root with # for the frame number",
	                  "^" NAME ":(?!\\.cleave)(" PART "/)*(?=[^/]*#)" PART "$",
	                  "the file name needs `#` where the frame number goes, as frames:shot/beauty.####.png",
	                  { "frames:shot/beauty.####.png", "f:#.png" },
	                  { "", "frames:shot/beauty.png", "frames:##/beauty.png", "beauty.####.png", "frames:/a#.png", "f:../#.png" },
	                  .hint = hint_output },
	[FORM_MOVIE] = { "a movie in a root", "^" NAME ":(?!\\.cleave)(" PART "/)*" PART "\\.(mp4|mkv|mov)$",
	                 "write ROOT:path of an .mp4, .mkv or .mov file",
	                 { "frames:shot/preview.mp4" }, { "", "frames:shot/preview", "preview.mp4", "frames:../a.mp4" }, .hint = NULL },
	[FORM_BLEND] = { "a .blend inside an archive", "^(" PART "/)*" PART "\\.blend$",
	                 "write the path of the .blend inside the archive, as shot01/main.blend",
	                 { "shot01/main.blend", "a.blend" }, { "", "/a.blend", "../a.blend", "a.zip" }, .hint = NULL },
	[FORM_SHA256] = { "a SHA-256", "^[0-9a-f]{64}$", "a sha256 has 64 lowercase hex digits",
	                  { "5ce0e5ce0e000000000000000000000000000000000000000000000000000000" },
	                  { "", "5ce0", "5CE0E5CE0E000000000000000000000000000000000000000000000000000000" }, .hint = hint_sha256 },
	[FORM_URL] = { "a URL", "^(https?|s3)://[^" BLANKS "/@:]+(:" PORT ")?(/[^" BLANKS "]*)?$",
	               "write an http, https or s3 URL without a user or password, as https://img.example/blender.tar.xz",
	               { "https://img.example/blender-4.2.3.tar.xz", "s3://bucket/key", "http://h:8080" },
	               { "", "img.example/a", "file:///a", "https://u:p@h/a", "https://h/a b", "ftp://h/a" }, .hint = NULL },
	[FORM_REDIS_URL] = { "a Redis URL",
	                     "^(redis://([A-Za-z0-9._-]+@)?(\\[" IPV6 "\\]|[A-Za-z0-9._-]+)(:" PORT ")?(/[0-9]{0,6})?"
	                     "|redis\\+unix:///[^" BLANKS "?#%]+(\\?db=[0-9]{1,6})?"
	                     "|redis\\+sentinel://([A-Za-z0-9._-]+@)?" SENTINEL "(," SENTINEL ")*/[A-Za-z0-9._-]+(/[0-9]{0,6})?"
	                     "(\\?sentinelUser=[A-Za-z0-9._-]+)?)$",
	                     "write redis://HOST:PORT/DB, redis+unix:///PATH or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE",
	                     { "redis://127.0.0.1:6379/0", "redis+unix:///run/redis.sock?db=1", "redis://cleave@h", "redis://[::1]:6379",
	                       "redis+sentinel://s@a:26379,b/render/1?sentinelUser=w" },
	                     { "", "rediss://h", "redis://", "redis://u:p@h", "h:6379", "redis+unix://a", "redis://h:65536", "redis+sentinel://h", "redis+sentinel://u:p@h/s" }, .hint = hint_redis_url },
	[FORM_LIBVIRT_URI] = { "a libvirt URI", "^(none|[a-z]+(\\+[a-z0-9]+)?:(//)?[^" BLANKS "]+)$",
	                       "write a libvirt URI, as qemu:///system, or none",
	                       { "qemu:///system", "none", "test:///default", "qemu+ssh://h/system" }, { "", "system", "/run/libvirt" }, .hint = NULL },
	[FORM_PCI_ADDRESS] = { "a PCI address", "^[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[01][0-9a-fA-F]\\.[0-7]$",
	                       "write the full PCI address, as 0000:25:00.0",
	                       { "0000:25:00.0", "10000:01:00.1" }, { "", "25:00.0", "0000:25:00", "0000:25:00.8", "0000:25:20.0" },
	                       .hint = hint_pci_address },
	[FORM_PCI_ID] = { "a PCI vendor and device", "^[0-9a-f]{4}:[0-9a-f]{4}$",
	                  "vendor and device as four hex digits each, as 10de:2231 (lspci -nn shows them)",
	                  { "10de:2231" }, { "", "10DE:2231", "10de", "0x10de:0x2231" }, .hint = hint_pci_id },
	[FORM_MAC] = { "a MAC address", "^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$",
	               "write a unicast MAC address in lowercase, as 52:54:00:12:34:56",
	               { "52:54:00:12:34:56" }, { "", "52-54-00-12-34-56", "53:54:00:12:34:56", "52:54:00:12:34" }, .hint = NULL },
	[FORM_IP] = { "an IP address", "^(" IPV4 "|" IPV6 ")$", "write an IP address, as 10.20.0.1",
	              { "10.20.0.1", "fd00::1" }, { "", "10.20.0", "10.20.0.256", "host", "10.20.0.1/24", ":::", "1::2::3", "1:2:3:4:5:6:7:8:9" }, .hint = NULL },
	[FORM_CIDR] = { "an address with its prefix",
	                "^(" IPV4 "/([12]?[0-9]|3[0-2])|" IPV6 "/([1-9]?[0-9]|1[01][0-9]|12[0-8])|dhcp)$",
	                "write an address and the length of its prefix, as 10.20.1.11/24",
	                { "10.20.1.11/24", "fd00::11/64", "dhcp" }, { "", "10.20.1.11", "10.20.1.11/33", "DHCP" }, .hint = hint_cidr },
	[FORM_CPU_LIST] = { "CPUs", "^" CPUS "(," CPUS ")*$", "write CPU numbers and ranges, as 2-5,8",
	                    { "2-5,8", "0" }, { "", "a", "2-", "2,,3", "2 3", "-1" }, .hint = NULL },
	[FORM_DEVICE_NAME] = { "a network device", "^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}$", "a network device has 1 to 15 characters, as br0",
	                       { "br0", "bond0.100" }, { "", "a/b", "a b", "abcdefghijklmnop" }, .is_surely = is_short_word },
	[FORM_MODULE] = { "a kernel module", "^[A-Za-z0-9_-]{1,55}$", "write a module's name, as vfio-pci",
	                  { "vfio-pci", "nvidia_drm" }, { "", "vfio pci", "vfio.ko" }, .hint = NULL },
	[FORM_KERNEL_ARGUMENT] = { "a kernel argument", "^[^" BLANKS "\"']{1,255}$",
	                           "one argument an item, without spaces and quotes, as iommu=pt",
	                           { "intel_iommu=on", "iommu=pt" }, { "", "a b", "a=\"b\"" }, .hint = NULL },
	[FORM_FREE_SPACE] = { "an amount or a share of space", "^([1-9][0-9]?%|[1-9][0-9]{0,8}(MiB|GiB|TiB))$",
	                      "write a size or a share, as 100GiB or 10%", { "10%", "100GiB" }, { "", "10", "100%", "0%", "10GB" }, .hint = NULL },
	[FORM_TIME_OF_DAY] = { "a time of day", "^([01][0-9]|2[0-3]):[0-5][0-9]$", "write hours and minutes in quotes, as \"03:00\"",
	                       { "03:00", "23:59" }, { "", "3:00", "24:00", "03:60", "3am" }, .hint = hint_time_of_day },
	[FORM_DAYS] = { "days of the week", "^" DAY "(-" DAY ")?(," DAY "(-" DAY ")?)*$", "write days, as Mon-Fri or Sat,Sun",
	                { "Mon-Fri", "Sat,Sun" }, { "", "mon", "Monday", "Mon-" }, .hint = NULL },
	[FORM_ZONE] = { "a time zone", "^(UTC|[A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2})$", "write a zone's name, as Asia/Hong_Kong or UTC",
	                { "Asia/Hong_Kong", "UTC" }, { "", "+08:00", "HKT" }, .hint = NULL },
	[FORM_VERSION] = { "a version", "^[0-9]{1,4}\\.[0-9]{1,4}(\\.[0-9]{1,4})?([-+.][A-Za-z0-9.]{1,32})?$",
	                   "write a version, as 4.2.3", { "4.2.3", "3.4", "4.2.3-lts" }, { "", "4", "v4.2.3", "latest" }, .hint = NULL },
	[FORM_OCTAL_MODE] = { "a file's mode", "^0[0-7]{3}$", "write four octal digits in quotes, as \"0644\"",
	                      { "0644" }, { "", "644", "0o644", "0999" }, .hint = NULL },
	[FORM_CURRENCY] = { "a currency", "^[A-Z]{3}$", "write the three letters of ISO 4217, as USD", { "USD" }, { "", "usd", "$", "Euro" }, .hint = NULL },
	[FORM_REVISION] = { "a branch or tag", "^[A-Za-z0-9](?!.*(\\.\\.|//|/$))[A-Za-z0-9._/-]{0,199}$", "write a branch or tag, as main",
	                    { "main", "release/2026" }, { "", "-main", "a..b", "a/", "a b" }, .hint = NULL },
	/* What stands there is read by who wonders; a switch tells nobody anything. */
	[FORM_REASON] = { "a reason", "^(?!([Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF)$)[^\\x00-\\x1f\\x7f]+$",
	                  "say why, as `waits for the client`; to end it, leave the key out",
	                  { "waits for the client", "7" }, { "", "true", "False", "no", "a\nb" }, .hint = NULL },
	[FORM_TIME] = { "a time (RFC 3339)",
	                "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
	                "write a date and time with its zone in quotes, as \"2026-11-22T18:00:00Z\"",
	                { "2026-11-22T18:00:00Z", "2026-11-22T18:00:00.5+08:00" },
	                { "", "tomorrow", "18:00", "2026-11-22", "2026-11-22T18:00:00", "2026-11-22 18:00:00Z", "2026-13-01T00:00:00Z" }, .hint = NULL },
};

static const GRegex *pattern_of(enum form_id form)
{
	static GRegex *compiled[N_FORMS];
	if (g_once_init_enter(&compiled[form])) {
		g_autoptr(GError) error = NULL;
		/* `$` is the end, not the place before a last newline. */
		GRegex *regex = g_regex_new(forms[form].pattern, G_REGEX_OPTIMIZE | G_REGEX_DOLLAR_ENDONLY | G_REGEX_NO_AUTO_CAPTURE,
		                            0, &error);
		if (!regex)
			g_error("%s: %s", forms[form].what, error->message);
		g_once_init_leave(&compiled[form], regex);
	}
	return compiled[form];
}

/* The two that nearly all texts are; a loop is ten times faster than a match. */
static gboolean is_plain_text(const char *text, gboolean several_lines)
{
	for (const char *c = text; *c; c++)
		if (((guchar)*c < 0x20 && !(several_lines && (*c == '\n' || *c == '\t'))) || *c == 0x7f)
			return FALSE;
	return TRUE;
}

const char *form_check(struct arena *a, enum form_id form, const char *text)
{
	const struct form *f = &forms[form];
	if (!*text)
		return "must not be empty";
	gboolean matches = form <= FORM_TEXT ? is_plain_text(text, form == FORM_TEXT)
	                   : (f->is_surely && f->is_surely(text)) ||
	                             g_regex_match(pattern_of(form), text, 0, NULL);
	if (matches)
		return NULL;
	if (!is_plain_text(text, FALSE))
		return form == FORM_TEXT ? f->right : "must be one line without control characters";
	return f->hint ? f->hint(a, text) : f->right;
}

/* Words that readers of YAML 1.1 or 1.2 take for nothing or a truth value; of `y` and `n` only the 1.1 text
 * says so, and no reader does it. */
static gboolean is_yaml_word(const char *text)
{
	static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off" };
	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		if (g_ascii_strcasecmp(text, words[i]) == 0)
			return TRUE;
	return FALSE;
}

/* https://yaml.org/type/: int, float (decimal, hex, octal, binary, by sixties, .inf, .nan), timestamp. */
static gboolean is_yaml_number(const char *text)
{
	static GRegex *number;
	if (g_once_init_enter(&number)) {
		GRegex *regex = g_regex_new("^([-+]?(0[bB][01_]+|0[oO]?[0-7_]+|0[xX][0-9a-fA-F_]+|[0-9][0-9_]*(:[0-5]?[0-9])*(\\.[0-9_]*)?"
		                            "([eE][-+]?[0-9]+)?|\\.[0-9_]+([eE][-+]?[0-9]+)?|\\.(inf|Inf|INF|nan|NaN|NAN))"
		                            "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?)$",
		                            G_REGEX_OPTIMIZE | G_REGEX_DOLLAR_ENDONLY, 0, NULL);
		g_once_init_leave(&number, regex);
	}
	return g_regex_match(number, text, 0, NULL);
}

gboolean text_is_ambiguous(const char *text)
{
	if (!*text || strcmp(text, "~") == 0)
		return TRUE;
	if (g_ascii_isdigit(*text) || strchr("-+.", *text))
		return is_yaml_number(text);
	return strchr("nNtTfFyYoO", *text) && strnlen(text, 6) <= 5 && is_yaml_word(text);
}
