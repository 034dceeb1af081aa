#!/usr/bin/env bash
# scripts/picture.sh REPORT.html OUT.png: the top of a report as a picture for the README, 1280 pixels wide.
# Wants Chromium (Debian: apt-get install chromium).
set -euo pipefail

if [[ $# -ne 2 || ! -f $1 ]]; then
  echo "usage: scripts/picture.sh REPORT.html OUT.png" >&2
  exit 1
fi
if ! command -v chromium >/dev/null; then
  echo "scripts/picture.sh needs Chromium: apt-get install chromium" >&2
  exit 1
fi
report=$(realpath "$1") picture=$(realpath -m "$2")
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
log=$profile/log
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --user-data-dir="$profile/user" --hide-scrollbars \
  --window-size=1280,1190 --screenshot="$picture" "file://$report" 2>"$log" || true
if [[ ! -s $picture ]]; then
  cat "$log" >&2
  exit 1
fi
