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

say "a hook with a user of its own, as prontod-runner(8) says"
cat >/run/systemd/system/prontod-runner.service.d/users.conf <<'EOF'
[Service]
User=root
Group=root
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_KILL
SystemCallFilter=@setuid
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
