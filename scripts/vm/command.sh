#!/bin/sh
# Runs the command in the finished machine, tells the host how it ended, and switches off.
. /run/vm/conf # MODE, DIRECTORY
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb

for port in /sys/class/virtio-ports/*; do
  read -r name < "$port/name"
  ln -s "/dev/${port##*/}" "/run/vm/$name"
done
# For tests; where they run otherwise, the kernel's settings are not theirs.
echo 2 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
echo started > /run/vm/status

as_user() { # in the session of an own systemd, whose controllers are delegated
  useradd -m -u 1234 -s /bin/bash vmuser
  install -d -o vmuser build # the tests keep a root file system there
  systemctl start user@1234.service || return
  export XDG_RUNTIME_DIR=/run/user/1234 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1234/bus
  export HOME=/home/vmuser USER=vmuser LOGNAME=vmuser
  setpriv --reuid=1234 --regid=1234 --init-groups systemd-run --user --quiet --pipe --wait --collect \
    --same-dir --property=Delegate=yes -- /bin/sh /run/vm/command
}

enforce_policy() { # of our own: those of distributions are large, and want the whole disk labelled
  secilc -o /run/vm/policy -f /dev/null scripts/vm/policy.cil && cat /run/vm/policy > /sys/fs/selinux/load &&
    echo 1 > /sys/fs/selinux/enforce
}

cd "$DIRECTORY" || exit
case $MODE in
plain | selinux) mount --make-rshared / ;; # as systemd does
esac
case $MODE in
user) as_user ;;
selinux) enforce_policy && /bin/sh /run/vm/command ;;
*) /bin/sh /run/vm/command ;;
esac < /dev/null > /run/vm/output 2>&1
echo "exit $?" > /run/vm/status
echo o > /proc/sysrq-trigger
sleep 60
