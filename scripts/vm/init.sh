#!/bin/busybox sh
# Process 1 of the virtual machine, in its initramfs: makes the root and hands over to command.sh or to systemd.
# The host's own root file system, read-only, lies under a memory overlay: what is installed there is here, and nothing that
# is written here survives. /conf says what differs from run to run.
export PATH=/bin
/bin/busybox --install -s /bin
. /conf # MODE, MODULES, SHARES

for module in $MODULES; do insmod "/modules/$module.ko" || exit; done
mkdir -p /lower /memory /root
mount -t tmpfs -o mode=755,size=75% memory /memory

# overlay NAME TARGET: a share of the host, made writable
overlay() {
  mkdir -p "/lower/$1" "/memory/$1/upper" "/memory/$1/work"
  mount -t virtiofs -o ro "$1" "/lower/$1" || exit
  mount -t overlay -o "lowerdir=/lower/$1,upperdir=/memory/$1/upper,workdir=/memory/$1/work" "$1" "$2" || exit
}

overlay root /root
cd /root || exit
# Directories that the tests need although they lie below /tmp, or not on the root file system: kept aside for a moment.
for share in $SHARES; do
  mkdir -p "/kept/${share%%:*}"
  case $share in
  share*) overlay "${share%%:*}" "/kept/${share%%:*}" ;;
  *) mount --bind "./${share#*:}" "/kept/${share%%:*}" ;;
  esac
done
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t devtmpfs devtmpfs dev
mount -t tmpfs -o mode=755,nosuid,nodev run run
mount -t tmpfs -o mode=1777,nosuid,nodev tmp tmp
for share in $SHARES; do
  mkdir -p "./${share#*:}"
  mount --move "/kept/${share%%:*}" "./${share#*:}" || exit
done

mkdir -p dev/pts dev/shm dev/mqueue run/vm lib/modules
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev shm dev/shm
mount -t mqueue mqueue dev/mqueue
mount -t securityfs securityfs sys/kernel/security
[ "$MODE" != selinux ] || mount -t selinuxfs selinuxfs sys/fs/selinux
# With v1, systemd mounts the hierarchies itself.
[ "$MODE" = v1 ] || mount -t cgroup2 -o nsdelegate,memory_recursiveprot,nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t virtiofs -o ro modules lib/modules
cp /conf /command /command.sh /systemd.sh run/vm
: > etc/fstab
echo vm > etc/hostname
rm -f etc/resolv.conf .dockerenv # else systemd believes that it is in a container
hostname vm
ip link set lo up

case $MODE in
plain | selinux) exec switch_root /root /bin/sh /run/vm/command.sh ;;
*) exec switch_root /root /bin/sh /run/vm/systemd.sh ;;
esac
