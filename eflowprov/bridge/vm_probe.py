"""One read-only question to the VM about itself: its clock, the certificate that its configuration names, and whether
the key service may read the private key.

One script in place of several commands: over the cmdlets each command costs a start of PowerShell. It prints nothing
secret: of the configuration only the four values named here (a connection string or a symmetric key is none of them),
of the certificate file only its certificates, of the key nothing. printf in place of echo, which takes backslashes for
itself in dash. A 1.1 runtime's config.yaml is asked where there is no config.toml; as it comes it has a placeholder in
place of a provisioning. Programs that it needs: sh, date, sed, grep, head, test, sudo.
"""

from __future__ import annotations

CONFIG, KEY_SERVICE = "/etc/aziot/config.toml", "aziotks"
CONFIG_1_1, SERVICE_1_1 = "/etc/iotedge/config.yaml", "iotedge"
"""Up to 1.1 the one daemon reads the key itself."""

PROBE = r"""say() { printf "%s\n" "$1"; }
say "clock $(date +%s)"
config=$1
service=$2
scope=id_scope
value() { sed -n "s|^[[:space:]]*$1[[:space:]]*=[[:space:]]*\"\([^\"]*\)\".*|\1|p" "$config" | head -n 1; }
if [ ! -r "$config" ] && [ -r "$3" ] && ! grep -q "^[^#]*<ADD DEVICE CONNECTION STRING HERE>" "$3"; then
  config=$3
  service=$4
  scope=scope_id
  value() {
    sed -n "s|^[[:space:]]*$1:[[:space:]]*[\"']\{0,1\}\([^\"']*\).*|\1|p" "$config" |
      sed "s|[[:space:]]#.*||; s|[[:space:]]*\$||" | head -n 1
  }
fi
if [ ! -r "$config" ]; then say "config missing"; say end; exit 0; fi
say "config there"
say "scope $(value $scope)"
say "registration $(value registration_id)"
cert=$(value identity_cert)
path=${cert#file://}
if [ "$path" != "$cert" ]; then
  say "certificate $path"
  sed -n "/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p" "$path" 2>/dev/null | head -n 400
fi
key=$(value identity_pk)
path=${key#file://}
if [ "$path" != "$key" ]; then
  case $path in *%*) service=- ;; esac
  if [ "$service" = - ]; then say "key unknown $path"
  elif [ ! -e "$path" ]; then say "key missing $path"
  elif why=$(sudo -n -u "$service" test -r "$path" 2>&1); then say "key readable $path"
  elif [ -n "$why" ]; then say "key unknown $path"
  else say "key unreadable $path"
  fi
fi
say end
"""
"""For dash, bash and busybox; the paths stay in the VM's own shell variables and are never part of a program text."""


def probe_command() -> tuple[str, ...]:
    """The command to run as root in the VM."""
    return ("sh", "-c", PROBE, "sh", CONFIG, KEY_SERVICE, CONFIG_1_1, SERVICE_1_1)
