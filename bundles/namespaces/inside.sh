# Runs inside: one line or two for each namespace; the file `run` prints the host's half.
say() { echo "inside: $*"; }

say "uts: my hostname is $(hostname)"
hostname renamed
say "uts: now it is $(hostname)"

say "ipc: $(grep -c '^ *[0-9]' /proc/sysvipc/msg || :) message queues exist"

say "pid: ps shows:"
ps -o pid,args

mount -t tmpfs made-inside /tmp
say "mount: $(mount | grep -c made-inside) tmpfs named made-inside"

say "user: I am uid $(id -u); uid_map: $(xargs </proc/self/uid_map)"
touch /host/made-inside

say "network: interfaces that are up: $(ip -o link | grep '[<,]UP[,>]' | cut -d: -f2 | xargs)"
