#!/bin/sh
# Starts the worker, or the bwrap, of this folder with the loader and the libraries beside it, so that it runs on any
# Linux. The loader is told where they are by argument: Blender, which the worker starts, has the machine's own. The
# worker takes this folder's bwrap where the machine has none.
set -eu
self=$(readlink -f "$0")
here=${self%/bin/*}
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}:$here/bin
export PATH
exec "$here/lib/ld-linux-x86-64.so.2" --library-path "$here/lib" --argv0 "$self" "$here/lib/${self##*/}" "$@"
