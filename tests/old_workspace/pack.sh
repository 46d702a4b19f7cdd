#!/bin/sh
# pack.sh WORKSPACE: writes workspace.tar.xz beside this file, without what no test reads
set -eu
here=$(cd "$(dirname "$0")" && pwd)
made=$(mktemp -d)
cp -r "$1" "$made/workspace"
cd "$made/workspace"
sqlite3 metadata.sqlite "DELETE FROM file_cache; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE; VACUUM" > "$made/said"
rm -rf locks scratch logs runs/*/report.html
find artifacts -path "*/evaluation/plots/*" -delete
for manifest in artifacts/trainer/*/model; do
    grep -q '"task": "image_classification"' "$manifest/manifest.json" || rm -rf "$manifest/pictures"
done
grep -l '"recipe": "old_shapes"' artifacts/*/*/execution.json | while read -r record; do
    find "$(dirname "$record")" -type f ! -name "*.json" ! -name "*.pb" ! -name "*.pbtxt" -delete
    find "$(dirname "$record")" -name saved_model.pb -delete
done
cd ..
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - workspace | xz -9e > "$here/workspace.tar.xz"
rm -rf "$made"
