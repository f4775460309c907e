#!/usr/bin/env python3
"""An S3 server for tests: the part of the API that cleave uses, over plain files, with its faults on demand.

Usage: s3_server.py FOLDER [OPTION...]     prints its port on 127.0.0.1, and serves until it is ended.
FOLDER/BUCKET/KEY holds the objects; a file that is written there by hand is an object as well.
FOLDER/log gets a line a request: METHOD KEY?QUERY STATUS. FOLDER/faults is read before each request, lines of
METHOD PART-OF-THE-KEY KIND TIMES with KIND one of 500, 503, 403, drop (nothing is done, nothing answered),
lost (done, not answered), cut (half of the content), slow (1 s before the answer), mute (no answer for 60 s).
Options: ignore-conditions, refuse-conditions (501), no-ranges, odd-etags (not MD5, as with encryption),
page=N (objects a listing's page), copy-error (a copy says 200 and <Error>). The access key is test / "secret/of+tests".
Signatures are verified from AWS's description, independently of cleave's code."""
import hashlib
import hmac
import os
import re
import shutil
import sys
import threading
import time
import urllib.parse
import uuid
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

KEY, SECRET = "test", "secret/of+tests"
FOLDER = os.path.abspath(sys.argv[1])
OPTIONS = dict(o.partition("=")[::2] for o in sys.argv[2:])
ETAGS = {}  # path → (mtime_ns, size, inode, etag) of what was put in parts or is oddly tagged
UPLOADS = {}
LOCK = threading.RLock()
FAULTS = {"read": 0, "left": []}


def quote(text, safe="-_.~"):
    return urllib.parse.quote(text, safe=safe)


class Refused(Exception):
    def __init__(self, status, code, message=""):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def next_fault(method, target):
    path = os.path.join(FOLDER, "faults")
    with LOCK:
        try:
            read = os.stat(path).st_mtime_ns
        except FileNotFoundError:
            return None
        if read != FAULTS["read"]:
            FAULTS["read"] = read
            with open(path) as file:
                FAULTS["left"] = [line.split() for line in file if line.strip()]
        for fault in FAULTS["left"]:
            if fault[0] in (method, "*") and (fault[1] == "*" or fault[1] in target) and int(fault[3]) > 0:
                fault[3] = str(int(fault[3]) - 1)
                return fault[2]
    return None


def stamp(path):
    st = os.stat(path)
    return st.st_mtime_ns, st.st_size, st.st_ino


def etag_of(path):
    known = ETAGS.get(path)
    if known and known[:3] == stamp(path):
        return known[3]
    with open(path, "rb") as file:
        etag = hashlib.md5(file.read()).hexdigest()
    if "odd-etags" in OPTIONS:
        etag = uuid.uuid4().hex
    ETAGS[path] = (*stamp(path), etag)
    return etag


def time_of(file):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(os.path.getmtime(file)))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def note(self, status):
        with LOCK, open(os.path.join(FOLDER, "log"), "a") as log:
            log.write(f"{self.command} {urllib.parse.unquote(self.path)} {status}\n")

    def answer(self, status, body=b"", headers=None, length=None):
        self.note(status)
        if self.fault == "lost":
            self.close_connection = True
            return
        if self.fault == "slow":
            time.sleep(1)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.fault == "cut" and len(body) > 1:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self.wfile.write(body)

    def error(self, status, code, message=""):
        xml = f"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        self.answer(status, xml.encode(), {"Content-Type": "application/xml"})

    # -- signatures --------------------------------------------------------------------------------

    def verify(self, body):
        said = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request,\s*"
                            r"SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})", self.headers.get("Authorization", ""))
        if not said:
            raise Refused(403, "AccessDenied", "no signature")
        who, date, region, signed, signature = said.groups()
        if who != KEY:
            raise Refused(403, "InvalidAccessKeyId")
        when = self.headers["x-amz-date"]
        age = datetime.now(timezone.utc) - datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if abs(age.total_seconds()) > 900 or not when.startswith(date):
            raise Refused(403, "RequestTimeTooSkewed")
        if hashlib.sha256(body).hexdigest() != self.headers["x-amz-content-sha256"]:
            raise Refused(400, "XAmzContentSHA256Mismatch")
        names = signed.split(";")
        must = {"host"} | {n.lower() for n in self.headers if n.lower().startswith("x-amz-")}
        if names != sorted(names) or not must <= set(names):
            raise Refused(403, "AccessDenied", "a header is not signed")
        path, _, query = self.path.partition("?")
        pairs = sorted(tuple(quote(urllib.parse.unquote(x)) for x in p.partition("=")[::2]) for p in query.split("&") if p)
        canonical = "\n".join([
            self.command, quote(urllib.parse.unquote(path), "/-_.~"), "&".join("=".join(p) for p in pairs),
            "".join(f"{n}:{' '.join(self.headers[n].split())}\n" for n in names), signed, self.headers["x-amz-content-sha256"]])
        text = "\n".join(["AWS4-HMAC-SHA256", when, f"{date}/{region}/s3/aws4_request",
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = b"AWS4" + SECRET.encode()
        for part in (date, region, "s3", "aws4_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(key.hex(), signature):
            raise Refused(403, "SignatureDoesNotMatch")

    # -- one request -------------------------------------------------------------------------------

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.fault = next_fault(self.command, urllib.parse.unquote(self.path))
        if self.fault in ("drop", "mute"):
            self.note(self.fault)
            if self.fault == "mute":
                time.sleep(60)
            self.close_connection = True
            return
        try:
            if len(body) != length:
                raise Refused(400, "IncompleteBody")
            self.verify(body)
            if self.fault and self.fault.isdigit():
                code = {"503": "SlowDown", "403": "AccessDenied"}.get(self.fault, "InternalError")
                raise Refused(int(self.fault), code, "a fault of the test")
            self.serve(body)
        except Refused as refusal:
            self.error(refusal.status, refusal.code, refusal.message)
        except BrokenPipeError:
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def serve(self, body):
        path, _, query = self.path.partition("?")
        self.query = {k: v[0] for k, v in urllib.parse.parse_qs(query, keep_blank_values=True).items()}
        bucket, _, key = urllib.parse.unquote(path).lstrip("/").partition("/")
        if not os.path.isdir(os.path.join(FOLDER, bucket)):
            raise Refused(404, "NoSuchBucket")
        file = os.path.join(FOLDER, bucket, key)
        if not key:
            return self.list(bucket)
        with LOCK:
            name = ("part_" if "uploadId" in self.query or "uploads" in self.query else "object_") + self.command
            return getattr(self, name)(file, body)

    def need(self, file):
        if not os.path.isfile(file):
            raise Refused(404, "NoSuchKey")

    def object_HEAD(self, file, _):
        self.need(file)
        self.answer(200, headers={"ETag": f'"{etag_of(file)}"'}, length=os.path.getsize(file))

    def object_GET(self, file, _):
        self.need(file)
        etag = f'"{etag_of(file)}"'
        if self.headers.get("If-Match", etag) != etag:
            raise Refused(412, "PreconditionFailed")
        with open(file, "rb") as content:
            body = content.read()
        said = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not said or "no-ranges" in OPTIONS:
            return self.answer(200, body, {"ETag": etag})
        start = int(said[1])
        if start >= len(body):
            raise Refused(416, "InvalidRange")
        self.answer(206, body[start:], {"ETag": etag, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})

    def check_conditions(self, file):
        none, match = self.headers.get("If-None-Match"), self.headers.get("If-Match")
        if (none or match) and "refuse-conditions" in OPTIONS:
            raise Refused(501, "NotImplemented")
        if "ignore-conditions" in OPTIONS:
            return
        if none and os.path.isfile(file):
            raise Refused(412, "PreconditionFailed")
        if match:
            self.need(file)
            if match != f'"{etag_of(file)}"':
                raise Refused(412, "PreconditionFailed")

    def write(self, file, body):
        os.makedirs(os.path.dirname(file), exist_ok=True)
        new = f"{file}.{uuid.uuid4().hex}~"
        with open(new, "wb") as out:
            out.write(body)
        os.rename(new, file)

    def object_PUT(self, file, body):
        source = self.headers.get("x-amz-copy-source")
        if source:
            return self.copy(os.path.join(FOLDER, urllib.parse.unquote(source).lstrip("/")), file)
        md5 = self.headers.get("Content-MD5")
        if md5 and bytes.fromhex(hashlib.md5(body).hexdigest()) != __import__("base64").b64decode(md5):
            raise Refused(400, "BadDigest")
        self.check_conditions(file)
        self.write(file, body)
        self.answer(200, headers={"ETag": f'"{etag_of(file)}"'})

    def copy(self, source, file):
        self.need(source)
        match = self.headers.get("x-amz-copy-source-if-match")
        if match and match != f'"{etag_of(source)}"':
            raise Refused(412, "PreconditionFailed")
        if "copy-error" in OPTIONS:
            return self.answer(200, b"<Error><Code>InternalError</Code></Error>")
        os.makedirs(os.path.dirname(file), exist_ok=True)
        shutil.copyfile(source, f"{file}~")
        os.rename(f"{file}~", file)
        self.answer(200, f"<CopyObjectResult><ETag>&quot;{etag_of(file)}&quot;</ETag></CopyObjectResult>".encode())

    def object_DELETE(self, file, _):
        if os.path.isfile(file):
            os.unlink(file)
        self.answer(204)

    # -- in parts ----------------------------------------------------------------------------------

    def part_POST(self, file, body):
        if "uploads" in self.query:
            name = f"{uuid.uuid4().hex}+/="
            UPLOADS[name] = {}
            return self.answer(200, f"<R><UploadId>{name}</UploadId></R>".encode())
        parts = UPLOADS.get(self.query["uploadId"])
        if parts is None:
            raise Refused(404, "NoSuchUpload")
        self.check_conditions(file)
        numbers = [int(n) for n in re.findall(r"<PartNumber>(\d+)</PartNumber>", body.decode())]
        tags = re.findall(r"<ETag>\"([0-9a-f]+)\"</ETag>", body.decode())
        if numbers != sorted(parts) or tags != [hashlib.md5(parts[n]).hexdigest() for n in numbers]:
            raise Refused(400, "InvalidPart")
        del UPLOADS[self.query["uploadId"]]
        self.write(file, b"".join(parts[n] for n in numbers))
        digest = hashlib.md5(b"".join(hashlib.md5(parts[n]).digest() for n in numbers)).hexdigest()
        ETAGS[file] = (*stamp(file), f"{digest}-{len(numbers)}")
        self.answer(200, f"<R><ETag>&quot;{etag_of(file)}&quot;</ETag></R>".encode())

    def part_PUT(self, _, body):
        if self.query["uploadId"] not in UPLOADS:
            raise Refused(404, "NoSuchUpload")
        UPLOADS[self.query["uploadId"]][int(self.query["partNumber"])] = body
        self.answer(200, headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def part_DELETE(self, _, __):
        UPLOADS.pop(self.query["uploadId"], None)
        self.answer(204)

    # -- listing -----------------------------------------------------------------------------------

    def list(self, bucket):
        top, prefix = os.path.join(FOLDER, bucket), self.query.get("prefix", "")
        keys = []
        for folder, _, files in os.walk(top):
            keys += [os.path.relpath(os.path.join(folder, f), top) for f in files if not f.endswith("~")]
        keys, folders = sorted(k for k in keys if k.startswith(prefix)), []
        if self.query.get("delimiter"):
            folders = sorted({prefix + k[len(prefix):].partition("/")[0] + "/" for k in keys if "/" in k[len(prefix):]})
            keys = [k for k in keys if "/" not in k[len(prefix):]]
        start = int(self.query.get("continuation-token", "at+0").partition("+")[2])
        page = int(OPTIONS.get("page", 1000))
        more = start + page < len(keys)
        xml = "".join(f"<Contents><Key>{escape(k)}</Key><LastModified>{time_of(os.path.join(top, k))}</LastModified>"
                      f"<ETag>&quot;{etag_of(os.path.join(top, k))}&quot;</ETag><Size>{os.path.getsize(os.path.join(top, k))}</Size>"
                      f"</Contents>" for k in keys[start:start + page])
        if not start:
            xml += "".join(f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in folders)
        token = f"<NextContinuationToken>at+{start + page}</NextContinuationToken>" if more else ""
        self.answer(200, f"<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{xml}"
                         f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}</ListBucketResult>".encode())


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", 0), Handler)
os.write(1, f"{server.server_port}\n".encode())
server.serve_forever()
