#!/bin/sh
# Process 1 becomes systemd, with D-Bus and nothing of the host's services: one unit runs the command.
units=/run/systemd/system
mkdir -p $units/user@.service.d
for unit in journal-flush update-utmp random-seed pstore machine-id-commit binfmt sysusers firstboot hwdb-update udevd \
  udev-trigger modules-load; do
  ln -s /dev/null "$units/systemd-$unit.service"
done
for target in sockets sysinit timers basic; do rm -rf "/etc/systemd/system/$target.target.wants"; done
# It would empty /tmp, where the checkout may be.
ln -sf /dev/null /etc/tmpfiles.d/tmp.conf
# What a user's own systemd may hand on to containers.
printf '[Service]\nDelegate=cpu cpuset io memory pids\n' > $units/user@.service.d/vm.conf
cat > $units/vm.service << 'UNIT'
[Unit]
Requires=basic.target dbus.socket
After=basic.target dbus.socket
[Service]
Type=exec
ExecStart=/bin/sh /run/vm/command.sh
Delegate=yes
LimitNOFILE=1048576
TasksMax=infinity
UNIT
exec /lib/systemd/systemd --unit=vm.service --show-status=false
