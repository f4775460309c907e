/* OpenEXR: each chunk of each part decoded, whatever its compression, a line or a tile at a time.
 *
 * The one C++ file: no exception leaves it, and nothing but image_exr_check() is seen from outside. The
 * library trusts a header's sizes, so image_exr_walk() has compared them with the file before. What is
 * judged as the picture: R G B A, else Combined of a view layer, else the first layer that has an R, else Y. */
#include <glib.h>
#include <ImfChannelList.h>
#include <ImfFrameBuffer.h>
#include <ImfHeader.h>
#include <ImfIO.h>
#include <ImfInputPart.h>
#include <ImfMultiPartInputFile.h>
#include <ImfPartType.h>
#include <ImfTiledInputPart.h>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>
extern "C" {
#include "base/error.h"
}
#include "frames/image_exr.h"

namespace
{

class descriptor_stream : public Imf::IStream
{
	int fd;
	guint64 at = 0, size;

public:
	explicit descriptor_stream(int from) : Imf::IStream("image"), fd(from), size((guint64)image_file_size(from))
	{
	}
	bool read(char to[], int n) override
	{
		if (n < 0 || at > size || (guint64)n > size - at || !image_pread(fd, to, (gsize)n, at, nullptr))
			throw std::runtime_error("the file ends too early");
		at += (guint64)n;
		return at < size;
	}
	uint64_t tellg() override
	{
		return at;
	}
	void seekg(uint64_t to) override
	{
		at = to;
	}
};

struct channel {
	std::string name;
	std::vector<float> samples; /* a line, or a tile */
};

/* Which channels are the picture, and in which part. */
struct picture {
	int part = -1, rank = 4;
	std::vector<std::string> names;
};

bool ends_with(const std::string &text, const std::string &end)
{
	return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

int rank_of(const std::string &name)
{
	return name == "R"		       ? 0
	       : ends_with(name, "Combined.R") ? 1
	       : ends_with(name, ".R")	       ? 2
	       : name == "Y"		       ? 3
					       : 4;
}

void choose(picture &p, int part, const Imf::ChannelList &channels)
{
	for (auto c = channels.begin(); c != channels.end(); ++c) {
		const std::string name = c.name();
		if (rank_of(name) >= p.rank)
			continue;
		p = picture{ part, rank_of(name), {} };
		const std::string prefix = name.substr(0, name.size() - 1);
		for (const char *last : { "R", "Y", "G", "B", "A" }) {
			const Imf::Channel *found = channels.findChannel(prefix + last);
			/* RY and BY are finer than what is asked here: Y alone tells black and constant */
			if (found && found->xSampling == 1 && found->ySampling == 1 && (*last != 'Y' || p.rank == 3))
				p.names.push_back(prefix + last);
		}
	}
}

std::string layer_of(const std::string &name)
{
	const auto dot = name.rfind('.');
	return dot == std::string::npos ? "" : name.substr(0, dot);
}

void find_facts(const Imf::MultiPartInputFile &file, picture &p, image_facts &facts)
{
	std::set<std::string> layers;
	facts.n_all_channels = 0;
	for (int part = 0; part < file.parts(); part++) {
		const Imf::Header &header = file.header(part);
		choose(p, part, header.channels());
		for (auto c = header.channels().begin(); c != header.channels().end(); ++c, facts.n_all_channels++)
			layers.insert((header.hasName() ? header.name() : "") + "/" + layer_of(c.name()));
	}
	facts.n_layers = (guint)layers.size();
	facts.channels = (guint)p.names.size();
	facts.is_float = TRUE;
	facts.bits = 16;
	for (const std::string &name : p.names)
		if (file.header(p.part).channels().findChannel(name)->type != Imf::HALF)
			facts.bits = 32;
}

class decoder
{
	Imf::MultiPartInputFile &file;
	const picture &chosen;
	image_pixels &pixels;
	std::vector<channel> channels;
	std::vector<const channel *> colours; /* of channels; empty in parts that are not the picture */
	std::vector<float> row;

	void make_channels(int part, size_t n_samples)
	{
		const Imf::ChannelList &list = file.header(part).channels();
		channels.clear();
		colours.clear();
		for (auto c = list.begin(); c != list.end(); ++c)
			channels.push_back({ c.name(), std::vector<float>(n_samples) });
		for (const std::string &name : chosen.names)
			for (const channel &c : channels)
				if (part == chosen.part && c.name == name)
					colours.push_back(&c);
		row.resize(n_samples * 4);
	}

	/* `n` samples of each channel, from `from` on, are pixels from (x, y) on. */
	void tell(guint x, guint y, guint n, size_t from, bool is_picture)
	{
		for (const channel &c : channels)
			if (!pixels.facts->is_nan && pixels_have_nan(c.samples.data() + from, n))
				pixels.facts->is_nan = TRUE;
		if (!is_picture || colours.empty())
			return;
		for (size_t c = 0; c < colours.size(); c++)
			for (guint i = 0; i < n; i++)
				row[i * colours.size() + c] = colours[c]->samples[from + i];
		const pixel_row told = { y, x, 1, n, row.data() };
		pixels_row(&pixels, &told);
	}

	void decode_lines(int part)
	{
		const Imath::Box2i window = file.header(part).dataWindow();
		const Imf::ChannelList &list = file.header(part).channels();
		const guint width = pixels.facts->width;
		make_channels(part, width);
		Imf::FrameBuffer frame;
		for (channel &c : channels) {
			const Imf::Channel &is = list[c.name];
			/* every line goes to the same place: a step of 0 from line to line */
			char *base = (char *)c.samples.data() - (ptrdiff_t)(window.min.x / is.xSampling) * 4;
			frame.insert(c.name, Imf::Slice(Imf::FLOAT, base, 4, 0, is.xSampling, is.ySampling));
		}
		Imf::InputPart input(file, part);
		input.setFrameBuffer(frame);
		for (int y = window.min.y; y <= window.max.y; y++) {
			input.readPixels(y, y);
			tell(0, (guint)(y - window.min.y), width, 0, true);
		}
	}

	void decode_level(Imf::TiledInputPart &input, int level_x, int level_y)
	{
		const guint stride = input.tileXSize();
		for (int ty = 0; ty < input.numYTiles(level_y); ty++)
			for (int tx = 0; tx < input.numXTiles(level_x); tx++) {
				input.readTile(tx, ty, level_x, level_y);
				const Imath::Box2i at = input.dataWindowForTile(tx, ty, level_x, level_y);
				const guint n = (guint)(at.max.x - at.min.x + 1);
				for (int y = at.min.y; y <= at.max.y; y++)
					tell((guint)tx * stride, (guint)ty * input.tileYSize() + (guint)(y - at.min.y), n,
					     (size_t)(y - at.min.y) * stride, level_x == 0 && level_y == 0);
			}
	}

	void decode_tiles(int part)
	{
		Imf::TiledInputPart input(file, part);
		const size_t stride = input.tileXSize();
		make_channels(part, stride * input.tileYSize());
		Imf::FrameBuffer frame;
		for (channel &c : channels)
			frame.insert(c.name, Imf::Slice(Imf::FLOAT, (char *)c.samples.data(), 4, stride * 4, 1, 1, 0, true, true));
		input.setFrameBuffer(frame);
		for (int y = 0; y < input.numYLevels(); y++)
			for (int x = 0; x < input.numXLevels(); x++)
				if (input.isValidLevel(x, y))
					decode_level(input, x, y);
	}

public:
	decoder(Imf::MultiPartInputFile &from, const picture &p, image_pixels &to) : file(from), chosen(p), pixels(to)
	{
	}
	void decode()
	{
		for (int part = 0; part < file.parts(); part++) {
			const Imf::Header &header = file.header(part);
			if (header.hasType() ? Imf::isTiled(header.type()) : header.hasTileDescription())
				decode_tiles(part);
			else
				decode_lines(part);
		}
	}
};

gboolean check(int fd, const image_expected *expected, image_pixels &pixels, GError **error)
{
	descriptor_stream stream(fd);
	Imf::MultiPartInputFile file(stream, 0, false);
	picture chosen;
	find_facts(file, chosen, *pixels.facts);
	if (!image_depth_check(expected, pixels.facts, error) || !pixels_begin(&pixels, error))
		return FALSE;
	decoder(file, chosen, pixels).decode();
	return TRUE;
}

}

extern "C" gboolean image_exr_check(int fd, const struct image_expected *expected, const struct image_sink *sink,
				    struct image_facts *ret, GError **error)
{
	image_facts facts = *ret;
	image_pixels pixels = {};
	gboolean ok = FALSE;
	if (!image_exr_walk(fd, expected, &facts, error))
		return FALSE;
	pixels.facts = &facts;
	pixels.sink = sink;
	pixels.sample = PIXEL_FLOAT;
	try {
		ok = check(fd, expected, pixels, error);
	} catch (const std::exception &e) {
		fail(error, ERROR_INVALID, "cannot be decoded: %s", e.what());
	} catch (...) {
		fail(error, ERROR_INVALID, "cannot be decoded");
	}
	pixels_clear(&pixels);
	if (ok)
		*ret = facts;
	return ok;
}
