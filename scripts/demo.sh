#!/usr/bin/env bash
# The whole way, twice: a model for the sample shop as SQL, one for the same shop as a graph, and a question to each.
set -euo pipefail
cd "$(dirname "$0")/.."
t2q=.venv/bin/t2q

for language in sql cypher; do
  SECONDS=0
  echo "── t2q run recipes/$language.yaml"
  "$t2q" run "recipes/$language.yaml"
  times+=("recipes/$language.yaml: $SECONDS s")
done
for run in shop-sql shop-cypher; do
  question="What are the 3 most expensive products?"
  SECONDS=0
  echo "── t2q ask \"$question\" --run runs/$run"
  "$t2q" ask "$question" --run "runs/$run"
  times+=("question to runs/$run: $SECONDS s")
done
echo "── times"
printf '%s\n' "${times[@]}"
