#!/bin/sh
# Close a server's machine to everybody but those who are trusted: with iptables, and
# ip6tables where there is IPv6.
#
#     manage-firewall.sh start [ADDRESS…]  let in these addresses or networks, nobody else
#     manage-firewall.sh stop              let in everybody again
#     manage-firewall.sh status            print the rules
#
# Without addresses, those in /etc/scitq-trusted are meant: words, after a # comments.
# This machine itself, answers to what it asked and ICMP always pass.  scitq's playbooks
# let their workers in with rules of their own, told by the comment scitq:NAME, which stay
# as they are.  start may be repeated, also with other addresses.  A restart of the
# machine forgets everything: the service scitq-firewall runs it at boot; after it, run the
# playbook check.yml.  $SCITQ_TRUSTED names another file, for tests.
set -eu

chain=scitq-trusted
trusted=${SCITQ_TRUSTED:-/etc/scitq-trusted}

usage() {
    sed -n '/^#     /s/^#     //p' "$0" >&2
    exit 2
}

# The address families that this machine filters.
families() {
    for command in iptables ip6tables; do
        if "$command" -w -S INPUT >/dev/null 2>&1; then
            echo "$command"
        fi
    done
}

of_family() {
    command=$1
    shift
    for address in "$@"; do
        case $command:$address in
        ip6tables:*:*) echo "$address" ;;
        ip6tables:*) ;;
        iptables:*:*) ;;
        *) echo "$address" ;;
        esac
    done
}

rules() {
    command=$1 icmp=icmp
    shift
    [ "$command" = iptables ] || icmp=ipv6-icmp
    echo '*filter'
    echo ":$chain - [0:0]"
    echo "-A $chain -i lo -j ACCEPT"
    echo "-A $chain -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
    echo "-A $chain -p $icmp -j ACCEPT"
    of_family "$command" "$@" | while read -r address; do
        echo "-A $chain -s $address -j ACCEPT"
    done
    "$command" -w -C INPUT -j "$chain" 2>/dev/null || echo "-A INPUT -j $chain"
    echo ':INPUT DROP [0:0]'
    echo COMMIT
}

# What one family refuses leaves the other as it was, too.
try_family() {
    rules "$@" | "$1-restore" -w --noflush --test || {
        echo "manage-firewall.sh: $1 refuses these addresses: nothing was changed" >&2
        exit 1
    }
}

# In one step: the chain is never there half-filled, nor the policy without it.
close_family() {
    rules "$@" | "$1-restore" -w --noflush
}

open_family() {
    "$1" -w -P INPUT ACCEPT
    while "$1" -w -D INPUT -j "$chain" 2>/dev/null; do :; done
    "$1" -w -F "$chain" 2>/dev/null || return 0
    "$1" -w -X "$chain"
}

refuse() {
    echo "manage-firewall.sh: \"$1\" $2: nothing was changed" >&2
    exit 2
}

# Closing the door on whoever closes it helps nobody.
check_addresses() {
    for address in "$@"; do
        case $address in
        *[!0-9a-fA-F.:/]*) refuse "$address" "is no address or network" ;;
        */0 | */00 | */000) refuse "$address" "is everybody: stop lets everybody in" ;;
        *:*) ;;
        '' | *[!0-9./]*) refuse "$address" "is no address or network" ;; # names are not
        esac
    done
    [ -n "${SSH_CONNECTION:-}" ] || return 0
    python3 - "${SSH_CONNECTION%% *}" "$@" <<'PYTHON' || exit 1
import ipaddress, sys
me = ipaddress.ip_address(sys.argv[1].split("%")[0])
if not any(me in ipaddress.ip_network(a, strict=False) for a in sys.argv[2:]):
    sys.exit("manage-firewall.sh: you are logged in from %s, which is not among the "
             "addresses to trust: nothing was changed" % me)
PYTHON
}

[ $# -gt 0 ] || usage
verb=$1
shift
case $verb in
start)
    if [ $# = 0 ]; then
        # shellcheck disable=SC2046 # its words
        set -f -- $(sed 's/#.*//' "$trusted")
        [ $# -gt 0 ] || {
            echo "manage-firewall.sh: $trusted names nobody to trust" >&2
            exit 2
        }
    fi
    ;;
stop | status) [ $# = 0 ] || usage ;;
*) usage ;;
esac
check_addresses "$@"
found=$(families)
[ -n "$found" ] || {
    echo "manage-firewall.sh: no iptables that works here (are you root?)" >&2
    exit 1
}
for family in $found; do
    [ "$verb" != start ] || try_family "$family" "$@"
done
for family in $found; do
    case $verb in
    start) close_family "$family" "$@" ;;
    stop) open_family "$family" ;;
    status)
        "$family" -w -S INPUT
        "$family" -w -S "$chain" 2>/dev/null || continue
        ;;
    esac
done
