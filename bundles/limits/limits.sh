# Runs inside: runs against each limit of config.json and tells where it was stopped.
read -r began _ </proc/uptime
{ timeout 2 sh -c 'while :; do :; done' || :; } 2>/dev/null
read -r ended _ </proc/uptime
# The second line is the user and system time of the children: 0m0.401s 0m0.002s. Not in a subshell, which has its own.
times >/tmp/times
awk -v wall="$began $ended" 'NR == 2 {
  gsub("[ms]", " ")
  split(wall, at, " ")
  printf "cpu: 20 %% of a core allowed, a busy loop of 2 s got %d %%\n", ($2 + $4) * 100 / (at[2] - at[1]) + 0.5
}' /tmp/times
rm /tmp/times

status=0
dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null || status=$?
echo "memory: 64 MiB allowed, a program that takes 100 ends with status $status (137 is SIGKILL)"

# A shell that cannot fork ends; the processes that it has started are what was allowed. No new one to count them.
sh -c 'while :; do sleep 100 & done' 2>/dev/null || :
set -- /proc/[0-9]*
echo "pids: 16 allowed, a shell that forks for ever failed beside $# others"
kill -9 -1
wait

echo "files open: $(ulimit -n) allowed"

status=0
head -c 3000000 /dev/zero 2>/dev/null >/tmp/long || status=$?
echo "file size: 2 MiB allowed, a longer one ends with status $status and $(stat -c %s /tmp/long) bytes"
rm /tmp/long

for n in 1 2 3 4 5 6; do head -c 1048576 /dev/zero 2>/dev/null >/tmp/$n || break; done
echo "tmpfs: 4 MiB allowed, $(du -sm /tmp | cut -f1) MiB are in it"
