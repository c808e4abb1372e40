# Runs as root inside the box: installs the packages in /debs as an administrator would, upgrades, removes, purges.
say() { echo "== $*"; }
until_true() { # COMMAND...: within 20 s
    for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
    echo "did not come true: $*" >&2
    journalctl -q --no-pager | tail -n 40 >&2
    exit 1
}
finished() { prontoctl --format csv list --state finished --all | tail -n +2 | wc -l; }
no_processes() { ! pgrep -x prontod >/dev/null && ! pgrep -f libexec/prontod >/dev/null; }
export DEBIAN_FRONTEND=noninteractive

say "install: users and directories, nothing runs, nothing is enabled"
dpkg -i /debs/*.deb >/tmp/install.log 2>&1 || { cat /tmp/install.log; exit 1; }
id prontod prontod-egress prontod-hooks >/dev/null 2>&1 || { getent passwd prontod prontod-egress prontod-hooks; exit 1; }
no_processes
systemctl is-enabled prontod.service prontod.socket | grep -v disabled && exit 1

say "a key, one line of configuration, one command"
(umask 077; echo box-key >/etc/prontod/api-key)
sed -i 's,^#\?public_url = .*,public_url = http://127.0.0.1:8480,; s,^#api_url = .*,api_url = http://127.0.0.1:8481/api/v2,' /etc/prontod/prontod.conf
cat >/usr/local/bin/crm-update <<'EOS'
#!/bin/sh
test -e /var/lib/prontod-hooks/open || exit 75
cat >>/var/lib/prontod-hooks/documents
EOS
chmod 755 /usr/local/bin/crm-update
cat >>/etc/prontod/prontod.conf <<'EOS'
[hook crm]
command = /usr/local/bin/crm-update
backoff = 100ms 500ms
EOS
systemd-run -q --unit sim pronto-sim --listen 127.0.0.1:8481 --delay 50ms
systemctl enable --now prontod.socket 2>/dev/null
systemctl is-enabled prontod.service prontod-query.socket prontod-egress.socket prontod-runner.socket >/dev/null
until_true prontoctl --format json status
until_true curl -sf http://127.0.0.1:8480/readyz

say "a contact goes out and comes back; its delivery waits for its hook"
prontoctl --format json submit --firstname Ada --lastname Lovelace --domain example.com --type email --wait=20 >/dev/null
until_true sh -c 'prontoctl --format csv deliveries --state retrying | grep -q crm'

say "upgrade with a delivery that waits: it comes back with what it had, and the sockets stayed"
pid=$(systemctl show -P MainPID prontod.service)
dpkg -i /debs/*.deb >/tmp/upgrade.log 2>&1 || { cat /tmp/upgrade.log; exit 1; }
until_true curl -sf http://127.0.0.1:8480/readyz
[ "$(systemctl show -P MainPID prontod.service)" != "$pid" ]
[ "$(finished)" = 1 ]
touch /var/lib/prontod-hooks/open
until_true grep -q Lovelace /var/lib/prontod-hooks/documents
grep -q 'public_url = http://127.0.0.1:8480' /etc/prontod/prontod.conf

say "manual pages"
for page in prontod.8 prontod.conf.5 prontod-hooks.7 prontod-egress.8 prontod-runner.8 prontoctl.1 pronto-sim.1; do
    dpkg -L prontod prontoctl pronto-sim | grep -q "/$page.gz$"
done

say "what describes the query socket, and completion"
test -s /usr/share/doc/prontod/openapi.yaml || test -s /usr/share/doc/prontod/openapi.yaml.gz
for file in bash-completion/completions/prontoctl zsh/vendor-completions/_prontoctl fish/vendor_completions.d/prontoctl.fish; do
    test -s "/usr/share/$file"
done
bash -euc '. /usr/share/bash-completion/completions/prontoctl; COMP_WORDS=(prontoctl test-hook c) COMP_CWORD=2; _prontoctl; test "${COMPREPLY[*]}" = crm'

say "the journal knows the explanations"
[ "$(journalctl --list-catalog 2>/dev/null | grep -c ' prontod: ')" -gt 30 ]

say "remove: everything stops, the data stay"
dpkg -r prontod >/tmp/remove.log 2>&1 || { cat /tmp/remove.log; exit 1; }
until_true no_processes
[ -s /var/lib/prontod/prontod.db ]

say "purge: no data, no secret, no configuration"
dpkg -P prontod prontoctl pronto-sim >/tmp/purge.log 2>&1 || { cat /tmp/purge.log; exit 1; }
[ "$(journalctl --list-catalog 2>/dev/null | grep -c ' prontod: ')" = 0 ]
[ ! -e /var/lib/prontod ] && [ ! -e /etc/prontod/api-key ] && [ ! -e /etc/prontod/prontod.conf ]
say "all is well"
