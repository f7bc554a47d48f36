#!/bin/sh
# Unpack Debian's WordPress into build/wordpress, for the tests of its plugin.
#
# It is not installed: the package asks for a web server, which would start on the machine and which no test needs.
set -eu

files=usr/share/wordpress/wp-load.php
[ -f "build/wordpress/$files" ] || [ -f "/$files" ] && exit 0

download() {
    # The newest theme is a package of its own; the script library is what WordPress' files link to.
    theme=$(apt-cache depends wordpress 2>/dev/null | sed -n 's/.*Recommends: *\(wordpress-theme-[a-z]*\).*/\1/p')
    # shellcheck disable=SC2086
    (cd build/wordpress.new/packages && apt-get download -qq wordpress libjs-underscore $theme 2>/dev/null)
}

rm -rf build/wordpress build/wordpress.new
mkdir -p build/wordpress.new/packages
if ! command -v apt-get >/dev/null 2>&1 || ! { download || { apt-get update -qq && download; }; }; then
    echo "Missing: WordPress. Unpack one into /usr/share/wordpress (on Debian: sudo apt-get install wordpress)." >&2
    exit 1
fi
echo "Unpacking WordPress …"
for package in build/wordpress.new/packages/*.deb; do
    dpkg-deb -x "$package" build/wordpress.new
done
rm -r build/wordpress.new/packages
mv build/wordpress.new build/wordpress
