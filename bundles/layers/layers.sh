# Runs inside, on the union of the layers.
echo "inside: /etc/motd: $(cat /etc/motd)"
echo "inside: /srv holds: $(ls /srv | xargs)"
echo 'version 2' >/srv/data
rm /srv/obsolete
echo 'made by the container' >/srv/new
echo "inside: after the change /srv holds: $(ls /srv | xargs)"
