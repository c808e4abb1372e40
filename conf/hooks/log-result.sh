#!/bin/sh
# Appends each document that prontod hands over to FILE, one a line, for jq and the like.
#
#   [hook log]
#   command = /usr/local/bin/log-result.sh /var/lib/prontod-hooks/results.ndjson
#   on = finished failed expired
#
# The document comes on standard input; what is needed most is in the environment too (PRONTO_*). What
# this prints is kept with the attempt: prontoctl deliveries. A line may be written twice, for prontod
# delivers at least once; delivery_id says which lines are one.
set -u

try_later() {
    echo "$1" >&2
    exit 75 # EX_TEMPFAIL: prontod tries again, later and later
}

file=${1-}
[ -n "$file" ] || try_later "usage: log-result.sh FILE"

umask 077
document=$(cat)
if [ -z "$document" ]; then
    echo "there is no document" >&2
    exit 65 # EX_DATAERR: trying again would not help
fi

# Several runs may write at a time: one line after the other.
{
    flock 9 && printf '%s\n' "$document" >&9
} 9>>"$file" || try_later "cannot write the file"

echo "$PRONTO_EVENT: $PRONTO_ENRICHMENT_TYPE of request $PRONTO_REQUEST_ID," \
    "delivery $PRONTO_DELIVERY_ID, attempt $PRONTO_ATTEMPT"
