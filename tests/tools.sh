#!/bin/sh
# Make sure that the programs named are there: install them where that is possible, else say what is missing.
set -eu

package_of() {
    case $1 in
        cc) echo gcc ;;
        *) echo "$1" ;;
    esac
}

missing=""
for program in "$@"; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $(package_of "$program")"
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
