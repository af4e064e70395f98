/** Addresses of message buses (D-Bus specification, "Server Addresses"): "unix:path=/run/user/1000/bus,guid=...;unix:abstract=..." */

/**
 * Paths of the unix sockets that an address names, in its order; an abstract name begins with NUL. Other transports are left
 * out: systemd is on this machine.
 */
export function socketPaths(address: string): string[] {
  return address.split(';').flatMap((one) => {
    if (!one.startsWith('unix:')) return [];
    const pairs = new Map(one.slice(5).split(',').map(keyAndValue));
    const abstract = pairs.get('abstract');
    const path = abstract === undefined ? pairs.get('path') : `\0${abstract}`;
    return path === undefined ? [] : [path];
  });
}

function keyAndValue(pair: string): [string, string] {
  const at = pair.indexOf('=');
  const value = pair
    .slice(at + 1)
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return [pair.slice(0, at), value];
}
