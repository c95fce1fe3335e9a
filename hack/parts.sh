# shellcheck shell=bash
# Run parts one after the other, each even when another failed, and collect a summary of what ran and what was left out.
# hack/test and hack/bench source this file and set `logs` to the directory of the parts' output. With CI=true a part that
# cannot run counts as a failure.

summary=""
failed=0

# report PART RESULT SECONDS [WHY]
report() { summary+=$(printf '  %-22s %-9s %5s s%s' "$1" "$2" "$3" "${4:+  $4}")$'\n'; }

# run PART COMMAND…: exit code 3 means that the part cannot run on this machine. `again` is the command that repeats it.
run() {
  local part=$1 began=$SECONDS code=0
  shift
  printf '\n=== %s\n' "$part"
  "$@" 2>&1 | tee "$logs/$part" || code=$?
  # make exits with 2 after every failure and prints the command's own exit code.
  if [ $code = 2 ] && tail -n 1 "$logs/$part" | grep -q '\] Error 3$'; then code=3; fi
  case $code in
    0) report "$part" passed $((SECONDS - began)) ;;
    3)
      report "$part" "left out" $((SECONDS - began)) "cannot run here; the reason is above"
      if [ "${CI:-}" = true ]; then
        summary+="               which is a failure, because CI=true"$'\n'
        failed=1
      fi
      ;;
    *)
      report "$part" FAILED $((SECONDS - began)) "${again:-make $part}"
      failed=1
      ;;
  esac
  # Tests that pytest skipped or did not select were left out as well.
  summary+=$(sed -n -e 's/^SKIPPED /               left out: /p' \
    -e 's/^=.* \([0-9]* deselected\).*/               left out: \1, whole runs of minutes/p' "$logs/$part"; echo .)
  summary=${summary%.}
}
