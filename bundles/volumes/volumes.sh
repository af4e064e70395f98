# Runs inside: what the three bind mounts and the tmpfs allow.
echo "inside: /data/from-host says: $(cat /data/from-host)"
echo 'written by the container' >/data/from-container && echo 'inside: /data is writable'

echo "inside: /config/app.conf says: $(cat /config/app.conf)"
(echo 'colour = red' >/config/app.conf) 2>/dev/null || echo 'inside: /config is read-only'

echo "inside: /etc/motd says: $(cat /etc/motd)"
(echo x >/etc/other) 2>/dev/null || echo 'inside: the rest of / is read-only'

head -c 1000000 /dev/zero >/tmp/fits && echo 'inside: /tmp, a tmpfs of 1 MiB, holds 1 MB'
head -c 2000000 /dev/zero 2>/dev/null >/tmp/too-much || echo 'inside: /tmp does not hold 3 MB'
