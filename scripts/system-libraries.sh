#!/bin/sh
# Qt needs a few system libraries on Linux that pip cannot bring. Install those that are missing
# where the user may, name them where not. $1: viewer or tests; $2: the environment's python.
set -eu
purpose=$1
python=$2
[ "$(uname -s)" = Linux ] || exit 0

# Debian's name of the package for each library that Qt's offscreen and xcb platforms load.
libraries="libEGL.so.1:libegl1 libGL.so.1:libgl1 libfontconfig.so.1:libfontconfig1
libdbus-1.so.3:libdbus-1-3 libxkbcommon.so.0:libxkbcommon0 libglib-2.0.so.0:libglib2.0-0
libxcb-cursor.so.0:libxcb-cursor0 libxkbcommon-x11.so.0:libxkbcommon-x11-0
libxcb-icccm.so.4:libxcb-icccm4 libxcb-keysyms.so.1:libxcb-keysyms1 libxcb-image.so.0:libxcb-image0
libxcb-render-util.so.0:libxcb-render-util0 libxcb-shape.so.0:libxcb-shape0"

missing=""
for pair in $libraries; do
    if ! "$python" -c "import ctypes, sys; ctypes.CDLL(sys.argv[1])" "${pair%%:*}" 2>/dev/null; then
        missing="$missing ${pair##*:}"
    fi
done
if [ "$purpose" = tests ]; then
    command -v Xvfb >/dev/null 2>&1 || missing="$missing xvfb"
    command -v xdotool >/dev/null 2>&1 || missing="$missing xdotool"
fi
[ -n "$missing" ] || exit 0

install() {
    $1 apt-get update -qq && DEBIAN_FRONTEND=noninteractive $1 apt-get install -y -qq $missing >/dev/null
}
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        echo "Installing the system libraries that Qt needs:$missing"
        install "" && exit 0
    elif sudo -n true 2>/dev/null; then
        echo "Installing the system libraries that Qt needs:$missing"
        install sudo && exit 0
    fi
fi
echo "Qt needs system libraries that are not here. On Debian or Ubuntu: sudo apt-get install$missing" >&2
echo "On other systems install the packages that hold the same libraries, then run make again." >&2
# The tests that need them skip and say so; the viewer cannot start without them.
[ "$purpose" = tests ] || exit 1
