#!/bin/sh
# Make sure that the programs, the libraries (lib*) and PHP's mysqli named, by their Debian packages, are there:
# install them where that is possible, else say what is missing.
set -eu

package_of() {
    case $1 in
        cc) echo gcc ;;
        ip) echo iproute2 ;;
        nchan) echo libnginx-mod-nchan ;;
        WebKitWebDriver) echo webkit2gtk-driver ;;
        Xvfb) echo xvfb ;;
        php) echo php-cli ;;
        mysqli) echo php-mysql ;;
        systemd-analyze) echo systemd ;;
        mariadbd) echo mariadb-server-core ;;
        *) echo "$1" ;;
    esac
}

is_there() {
    case $1 in
        libfribidi0) .venv/bin/python -c 'from PIL import features; exit(not features.check("fribidi"))' ;;
        mysqli) php -m | grep -qx mysqli ;;
        postgresql) ls /usr/lib/postgresql/*/bin/initdb >/dev/null ;;
        ip) PATH="$PATH:/usr/sbin:/sbin" command -v ip >/dev/null ;;
        nchan) ls /usr/lib*/nginx/modules/ngx_nchan_module.so /usr/share/nginx/modules/ngx_nchan_module.so | grep -q . ;;
        nginx) PATH="$PATH:/usr/sbin" command -v nginx >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac 2>/dev/null
}

missing=""
for tool in "$@"; do
    is_there "$tool" || missing="$missing $(package_of "$tool")"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$missing …"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
if [ "$missing" = " chromium" ] && [ -x .venv/bin/playwright ]; then
    .venv/bin/playwright install chromium && exit 0
fi
echo "Missing:$missing. Install it (on Debian: sudo apt-get install$missing) and run this again." >&2
exit 1
