#!/usr/bin/env bash
# try.sh DIST OS_ARCH: checks and unpacks the archive of that system, and uses what is inside: it
# prints its version, serves, keeps a value in a session, and ends when it is told to.
set -euo pipefail
cd "$1"
sum() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
archive=$(echo sessionscope_*_"$2".tar.gz)
[ -e "$archive" ] || archive=$(echo sessionscope_*_"$2".zip)
grep -F "  $archive" SHA256SUMS | grep -v 'cdx.json$' | sum -c -

here=$(mktemp -d)
case $archive in
*.zip) unzip -q "$archive" -d "$here" ;;
*) tar -xzf "$archive" -C "$here" ;;
esac
cd "$here"/sessionscope_*
ls -l
./sessionscope --version
./sessionscope man | head -n 1

./sessionscope --addr 127.0.0.1:18080 >said 2>&1 &
program=$!
trap 'kill $program 2>/dev/null || true; cat said' EXIT
at=http://127.0.0.1:18080
for _ in $(seq 100); do
  ! curl -fs "$at/healthz" || break
  sleep 0.1
done
curl -fs -c jar -H Accept:application/json -d key=name -d value=Rahim "$at/set" | grep -F '"value":"Rahim"'
curl -fs -b jar -H Accept:application/json "$at/get?key=name" | grep -F '"found":true'
curl -fs "$at/experiments/born-on-first-write/run" -H Accept:application/json -d prediction=3 | grep -F '"verdict"' >/dev/null
# A system may have wrong types in its table, and a browser obeys no style sheet of another type.
style=$(curl -fs "$at/" | grep -o '/assets/[^"]*\.css[^"]*' | head -n 1)
[ "$(curl -fs -o /dev/null -w '%{content_type}' "$at$style")" = 'text/css; charset=utf-8' ]
kill $program
wait $program || [ "$?" = 143 ] # as Windows ends it
trap - EXIT
cat said
