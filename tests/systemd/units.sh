# Runs as root inside the box.
say() { echo "== $*"; }
until_true() { # COMMAND...: within 20 s
    for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "did not come true: $*" >&2
    journalctl -q --no-pager | tail -n 40 >&2
    exit 1
}
main_pid() { systemctl show -P MainPID "$1"; }

say "users, directories, configuration"
systemd-sysusers
systemd-tmpfiles --create
mkdir -p /etc/prontod/prontod.conf.d /var/spool/crm
chown prontod-hooks: /var/spool/crm
(umask 077; echo box-key >/etc/prontod/api-key)
cat >/usr/local/bin/crm-update <<'EOF'
#!/bin/sh
id -un >/var/spool/crm/user
sed -n s/^0:://p /proc/self/cgroup >/var/spool/crm/group
setsid sh -c 'trap "" TERM; exec sleep 3210' </dev/null >/dev/null 2>&1 &
cat >/var/spool/crm/document.tmp && mv /var/spool/crm/document.tmp "/var/spool/crm/$PRONTO_DELIVERY_ID"
EOF
chmod 755 /usr/local/bin/crm-update
cat >/etc/prontod/prontod.conf.d/box.conf <<'EOF'
[ingress]
public_url = http://127.0.0.1:8480
[pronto]
api_url = http://127.0.0.1:8481/api/v2
[hook crm]
command = /usr/local/bin/crm-update
EOF
mkdir -p /run/systemd/system/prontod-runner.service.d
printf '[Service]\nReadWritePaths=/var/spool/crm\n' >/run/systemd/system/prontod-runner.service.d/crm.conf
systemctl daemon-reload
systemd-analyze verify /usr/lib/systemd/system/prontod*.service /usr/lib/systemd/system/prontod*.socket 2>&1 | grep -i pronto | grep -v "Command 'man" && exit 1

say "sockets first; the first connection starts the service"
systemctl start prontod.socket prontod-query.socket prontod-egress.socket prontod-runner.socket
[ "$(systemctl is-active prontod.service || true)" = inactive ]
systemd-run -q --unit sim pronto-sim --listen 127.0.0.1:8481 --delay 100ms
until_true curl -sf http://127.0.0.1:8480/readyz
until_true systemctl is-active prontod.service

say "three users"
until_true prontoctl --format json status
until_true systemctl is-active prontod-egress.service
until_true systemctl is-active prontod-runner.service
[ "$(ps -o user:20= -p "$(main_pid prontod)")" = prontod ]
[ "$(ps -o user:20= -p "$(main_pid prontod-egress)")" = prontod-egress ]
[ "$(ps -o user:20= -p "$(main_pid prontod-runner)")" = prontod-hooks ]

say "a contact goes out, comes back, and reaches the hook"
prontoctl --format json submit --firstname Ada --lastname Lovelace --domain example.com --type email --custom n=1 --wait=20 >/tmp/first
grep -q '"finished"' /tmp/first
until_true test -s /var/spool/crm/user
[ "$(cat /var/spool/crm/user)" = prontod-hooks ]

say "each hook has a control group of its own, and what it leaves behind ends with it"
grep -q 'prontod-runner.service/hook-' /var/spool/crm/group
until_true sh -c '! pgrep -f "sleep 321[0]"'

say "other users may not ask"
useradd -r stranger
[ "$(setpriv --reuid stranger --regid stranger --clear-groups curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/prontod/query.sock http://x/v1/status)" = 403 ]

say "a worker that dies comes back"
kill -KILL "$(main_pid prontod-runner)"
rm -f /var/spool/crm/*
prontoctl --format json submit --firstname Grace --lastname Hopper --domain example.com --type email --custom n=2 --wait=20 >/dev/null
until_true test -s /var/spool/crm/user
[ "$(systemctl show -P SubState prontod)" = running ]

say "reload: a good configuration, then a broken one"
pid=$(main_pid prontod)
systemctl reload prontod
printf '[ingress]\nnonsense = 1\n' >/etc/prontod/prontod.conf.d/bad.conf
systemctl reload prontod && exit 1
rm /etc/prontod/prontod.conf.d/bad.conf
[ "$(main_pid prontod)" = "$pid" ]

say "killed, it comes back with what it had"
kill -KILL "$pid"
until_true curl -sf http://127.0.0.1:8480/readyz
until_true test "$(main_pid prontod)" != "$pid"
until_true prontoctl --format json status
[ "$(prontoctl --format csv list --state finished | wc -l)" = 3 ]

say "no personal data and no key in the journal; fields are there"
journalctl -q --no-pager | grep -E 'Lovelace|Hopper|box-key|@example' && exit 1
journalctl -q -o json _SYSTEMD_UNIT=prontod.service | grep -q PRONTO_

say "exposure"
systemd-analyze security --no-pager --threshold=6 prontod.service | tail -n 1
systemd-analyze security --no-pager --threshold=12 prontod-egress.service | tail -n 1
systemd-analyze security --no-pager --threshold=14 prontod-runner.service | tail -n 1

say "prontod and prontod-egress can execute nothing"
for unit in prontod prontod-egress; do
    nsenter -t "$(main_pid "$unit")" -m /bin/true 2>/dev/null && exit 1
done

say "the key is out of reach"
setpriv --reuid prontod-hooks --regid prontod-hooks --clear-groups cat /etc/prontod/api-key 2>/dev/null && exit 1
grep -qs box-key "/proc/$(main_pid prontod)/environ" && exit 1

say "the service's state in words"
until_true sh -c 'systemctl show -P StatusText prontod | grep -q "^Serving; requests: 0 queued, 0 pending; deliveries: 0 waiting, 0 running, 0 dead$"'
rm -f /usr/local/bin/crm-update
prontoctl --format json submit --firstname Jean --lastname Bartik --domain example.com --type email --custom n=3 --wait=20 >/dev/null
until_true sh -c 'systemctl show -P StatusText prontod | grep -q "; hooks broken or tripped: 1$"'
printf '#!/bin/sh\nexec cat >/dev/null\n' >/usr/local/bin/crm-update && chmod 755 /usr/local/bin/crm-update
systemctl reload prontod
until_true sh -c 'systemctl show -P StatusText prontod | grep -q " 0 waiting, 0 running, 0 dead$"'

say "the catalog explains each identifier, with the fields of the line"
journalctl --update-catalog
journalctl -q -x --no-pager MESSAGE_ID=442db01d594b4a6c8f3d59b64049941a | grep -q 'The hook crm cannot be started'
journalctl -q -x --no-pager MESSAGE_ID=9a3fd18214bd4fb6acf2aa6820f13143 | grep -q 'The hook crm can be started again'
rejected() { journalctl -q -x --no-pager MESSAGE_ID=d04b9e39f4164a1eaabee272bba7f95d; }
[ -z "$(rejected)" ] # ExecReload= refused it before
printf '[ingress]\nnonsense = 1\n' >/etc/prontod/prontod.conf.d/bad.conf
systemctl kill -s HUP --kill-who=main prontod
until_true sh -c 'systemctl show -P StatusText prontod | grep -q "; reload failed, the configuration is that from before"'
rm /etc/prontod/prontod.conf.d/bad.conf
rejected | grep -q 'prontod --check-config'
systemctl reload prontod
[ "$(systemctl show -P StatusText prontod | grep -c 'reload failed')" = 0 ]
journalctl -q -x --no-pager MESSAGE_ID=a278bd913531417581ff164970a63163 | grep -q 'systemctl status prontod-runner.socket'
journalctl -q -x --no-pager MESSAGE_ID=6330f42f3144433682916cb282e8a87e | grep -q 'prontod-runner is back'
[ "$(journalctl --list-catalog 2>/dev/null | grep -c 'prontod: ')" -gt 30 ]

say "the queries of the manual"
sed -n '/^journalctl /p' /operations.md >/tmp/queries
[ "$(wc -l </tmp/queries)" -ge 6 ]
while read -r query; do
    bash -euo pipefail -c "$query" </dev/null >/tmp/answer 2>&1 || { echo "$query: $(cat /tmp/answer)" >&2; exit 1; }
done </tmp/queries
journalctl -q --no-pager -o cat MESSAGE_ID=442db01d594b4a6c8f3d59b64049941a PRONTO_HOOK=crm | grep -q 'cannot be started'

say "credentials: the shared secret reaches prontod, in plain and encrypted; the key reaches prontod-egress encrypted"
secret=box-secret-0123456789abcdef0123456789abcdef
drop_in() { # UNIT NAME LINE...
    local unit=$1 name=$2
    shift 2
    mkdir -p "/run/systemd/system/$unit.d"
    printf '%s\n' '[Service]' "$@" >"/run/systemd/system/$unit.d/$name.conf"
    systemctl daemon-reload
}
call_back() { # prints the status
    curl -s -o /dev/null -w '%{http_code}\n' -X POST --data "{\"id\": \"$1\", \"status\": \"finished\"}" "http://127.0.0.1:8480/callback/$secret"
}
until_ready() { until_true curl -sf http://127.0.0.1:8480/readyz; }
(umask 077; echo "$secret" >/etc/prontod/callback-secret)
[ "$(call_back before)" = 404 ]
drop_in prontod.service secret LoadCredential=callback-secret:/etc/prontod/callback-secret
systemctl restart prontod
[ "$(call_back plain)" = 200 ]
systemd-creds encrypt --name=callback-secret /etc/prontod/callback-secret /etc/prontod/callback-secret.cred 2>/dev/null
systemd-creds encrypt --name=pronto-api-key /etc/prontod/api-key /etc/prontod/api-key.cred 2>/dev/null
mv /etc/prontod/api-key /root/api-key
mv /etc/prontod/callback-secret /root/callback-secret
drop_in prontod.service secret LoadCredentialEncrypted=callback-secret:/etc/prontod/callback-secret.cred
drop_in prontod-egress.service key LoadCredential= LoadCredentialEncrypted=pronto-api-key:/etc/prontod/api-key.cred
systemctl restart prontod prontod-egress
[ "$(call_back encrypted)" = 200 ]
prontoctl --format json submit --firstname Kay --lastname McNulty --domain example.com --type email --custom n=4 --wait=20 >/tmp/encrypted
grep -q '"finished"' /tmp/encrypted
grep -rqsF -e "$secret" -e box-key /etc/prontod && exit 1

say "a key that others may read is refused, with the remedy"
drop_in prontod-egress.service key LoadCredential=
install -m 644 -o prontod-egress /root/api-key /etc/prontod/open-key
printf '[pronto]\napi_key_file = /etc/prontod/open-key\n' >/etc/prontod/prontod.conf.d/key.conf
systemctl restart prontod-egress
until_true sh -c 'journalctl -q -o cat --no-pager MESSAGE_ID=93c9b6e39e1644069d3bef84e6aacbe5 | grep -q "/etc/prontod/open-key: others than its owner .* chmod 0600"'
chmod 600 /etc/prontod/open-key
systemctl reload prontod-egress
until_true sh -c 'systemctl show -P StatusText prontod | grep -v "calls to Pronto"'
rm /etc/prontod/prontod.conf.d/key.conf
mv /root/api-key /etc/prontod/api-key
rm /run/systemd/system/prontod-egress.service.d/key.conf
systemctl daemon-reload
systemctl restart prontod-egress

say "the watchdog ends and starts again whoever was stopped"
for unit in prontod prontod-egress prontod-runner; do
    drop_in $unit.service watchdog WatchdogSec=3s
    systemctl restart $unit
    until_true prontoctl --format json status
    until_true sh -c "[ \$(systemctl show -P SubState $unit) = running ]"
    pid=$(main_pid $unit)
    kill -STOP "$pid"
    until_true sh -c "[ \$(systemctl show -P MainPID $unit) != $pid ] && [ \$(systemctl show -P SubState $unit) = running ]"
    journalctl -q --no-pager -o cat -u $unit | grep -q 'Watchdog timeout'
    rm /run/systemd/system/$unit.service.d/watchdog.conf
    systemctl daemon-reload
done
[ "$(call_back after-the-watchdog)" = 200 ]
until_true prontoctl --format json status

say "while callbacks come from all sides, restart and reload refuse none"
counted() { prontoctl --format csv callbacks --all | tail -n +2 | wc -l; }
pour() { # NAME: until /tmp/pour is gone
    local n=0
    while [ -e /tmp/pour ]; do
        n=$((n + 1))
        call_back "$1-$n"
    done >"/tmp/poured-$1"
}
before=$(counted)
touch /tmp/pour
for side in a b c d; do pour "$side" & done
flowing() { [ "$(cat /tmp/poured-? | wc -l)" -gt "$1" ]; }
for i in 1 2 3 4 5 6; do
    until_true flowing "$((i * 40))"
    pid=$(main_pid prontod)
    systemctl restart prontod
    [ "$(main_pid prontod)" != "$pid" ]
    until_true flowing "$(($(cat /tmp/poured-? | wc -l) + 20))"
    systemctl reload prontod
done
rm /tmp/pour
wait
sort /tmp/poured-? | uniq -c
[ "$(sort -u /tmp/poured-?)" = 200 ]
[ "$(counted)" = "$((before + $(cat /tmp/poured-? | wc -l)))" ]

say "stop under load: what was answered with 200 is there, what was not was refused by the kernel"
before=$(counted)
touch /tmp/pour
for side in a b c d; do pour "$side" & done
until_true flowing 40
systemctl stop prontod.socket prontod-query.socket prontod.service
rm /tmp/pour
wait
[ "$(systemctl show -P Result prontod)" = success ]
sort /tmp/poured-? | uniq -c
systemctl start prontod.socket prontod-query.socket prontod.service
[ "$(counted)" = "$((before + $(grep -c '^200$' < <(cat /tmp/poured-?))))" ]
[ "$(sort -u /tmp/poured-? | grep -cv -e '^200$' -e '^000$')" = 0 ]

say "a hook with a user of its own, as prontod-runner(8) says"
cat >/run/systemd/system/prontod-runner.service.d/users.conf <<'EOF'
[Service]
User=root
Group=root
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_KILL
CapabilityBoundingSet=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH
SystemCallFilter=@setuid
InaccessiblePaths=-/etc/prontod/api-key
EOF
cat >/etc/prontod/prontod.conf.d/users.conf <<'EOF'
[hook mine]
command = /usr/bin/id -un
user = nobody
EOF
systemctl daemon-reload
systemctl restart prontod-runner
systemctl reload prontod
prontoctl --format json submit --firstname Katherine --lastname Johnson --domain example.com --type email --wait=20 >/dev/null
mine() { prontoctl --format json deliveries --hook mine | tr -d ' ' | grep -o '"id":"[^"]*"' | head -n 1 | cut -d'"' -f4; }
until_true sh -c 'prontoctl --format json deliveries --hook mine --state succeeded | grep -q succeeded'
prontoctl deliveries "$(mine)" | grep -q nobody

say "stop"
systemctl stop prontod.socket prontod-query.socket prontod.service
[ "$(systemctl show -P Result prontod)" = success ]
say "all is well"
