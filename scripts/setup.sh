#!/usr/bin/env bash
# Set-up: `setup.sh install STAMP` fills .venv from requirements.lock and touches STAMP; `setup.sh lock` resolves anew.
# uv is taken from PATH or, where it is not there, put into .uv with pip.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=.venv
PYTHONS='>=3.10,<3.14'
SECONDS_BETWEEN_LINES=15

fail() {
  echo "error: $*" >&2
  exit 1
}

find_uv() {
  if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
    echo uv
    return
  fi
  if [ ! -x .uv/bin/uv ]; then
    command -v python3 >/dev/null || fail "neither uv nor python3 is on PATH: install one of them"
    echo "installing uv into .uv" >&2
    python3 -m pip install --quiet --target .uv uv >&2 || fail "pip cannot install uv: install uv by hand, then run make again"
  fi
  echo .uv/bin/uv
}

# llama-cpp-python comes as source only. Left out: its multimodal tools and llama.cpp's "common" library. Unity builds
# halve the rest. uv keeps the wheel in its cache for every checkout on this machine; its key does not hold CMAKE_ARGS,
# so `uv cache clean llama-cpp-python` comes before a build with others (CMAKE_ARGS="-DGGML_CUDA=on" make demo). The
# build uses this processor's instructions (-march=native), so a cache must not be carried to another machine.
build_llama() {
  export CMAKE_ARGS="-DLLAVA_BUILD=OFF -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=12 -DCMAKE_PROJECT_INCLUDE=$PWD/scripts/llama-slim.cmake ${CMAKE_ARGS:-}"
  # An environment of its own: two installs into one wait for each other.
  "$UV" venv --quiet --clear --python "$VENV/bin/python" "$VENV/llama-build" &&
    "$UV" pip install --quiet --no-deps --python "$VENV/llama-build/bin/python" "$(grep '^llama-cpp-python==' requirements.lock)"
}

# Waits for the build in the background, with a line now and then.
wait_for_llama() {
  local pid=$1 log=$2
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
    if ((SECONDS % SECONDS_BETWEEN_LINES == 0)); then echo "building llama.cpp … $SECONDS s"; fi
  done
  wait "$pid" || {
    tail -n 25 "$log" >&2
    fail "llama.cpp did not build (it needs a C++ compiler, such as the package build-essential); all of its output: $log"
  }
}

install() {
  local stamp=$1 log build rest
  "$VENV/bin/python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null ||
    "$UV" venv --quiet --clear --python "$PYTHONS" "$VENV" ||
    fail "no Python $PYTHONS found: install one, or let uv do so with \`uv python install 3.12\`"
  rm -f "$VENV"/.set-up-*
  log="$VENV/llama-build.log"
  rest="$VENV/rest.lock"
  echo "setting up $VENV with $("$VENV/bin/python" --version)"

  build_llama >"$log" 2>&1 &
  build=$!
  trap 'kill "$build" 2>/dev/null || true' EXIT
  (while sleep "$SECONDS_BETWEEN_LINES"; do echo "installing packages … $SECONDS s"; done) &
  ticker=$!
  grep -v '^llama-cpp-python==' requirements.lock >"$rest"
  "$UV" pip install --quiet --python "$VENV/bin/python" -r "$rest" || { kill "$ticker"; fail "the packages of requirements.lock cannot be installed"; }
  kill "$ticker"
  wait_for_llama "$build" "$log"
  trap - EXIT

  "$UV" pip install --quiet --python "$VENV/bin/python" -r requirements.lock # llama-cpp-python, from the cache
  "$UV" pip install --quiet --python "$VENV/bin/python" --no-deps --editable .
  rm -rf "$VENV/llama-build" "$rest"
  touch "$stamp"
  echo "set up in $SECONDS s"
}

UV=$(find_uv)
case "${1:-}" in
  install) install "$2" ;;
  lock) "$UV" pip compile --quiet --universal --python-version 3.10 pyproject.toml --extra dev --upgrade \
    --no-annotate --no-header --output-file requirements.lock ;;
  *) fail "usage: setup.sh install STAMP | lock" ;;
esac
