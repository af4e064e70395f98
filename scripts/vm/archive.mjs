/** An initramfs: a cpio archive in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst). */

/** @typedef {{ name: string, mode: number, content?: Buffer | string }} Entry mode with the file type's bits */

export const DIRECTORY = 0o040755;
export const PROGRAM = 0o100755;

/** @param {number} value */
const hex = (value) => value.toString(16).padStart(8, '0');

/** @param {Buffer} part @returns {Buffer} with zeros up to a multiple of four */
const padded = (part) => Buffer.concat([part, Buffer.alloc(-part.length & 3)]);

/** @param {Entry} entry @param {number} index */
const encode = ({ name, mode, content = '' }, index) => {
  const body = Buffer.from(content);
  // magic, ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const numbers = [index + 1, mode, 0, 0, 1, 0, body.length, 0, 0, 0, 0, Buffer.byteLength(name) + 1, 0];
  return Buffer.concat([padded(Buffer.from(`070701${numbers.map(hex).join('')}${name}\0`)), padded(body)]);
};

/** @param {readonly Entry[]} entries parents before what is in them @returns {Buffer} */
export const archive = (entries) => Buffer.concat([...entries, { name: 'TRAILER!!!', mode: 0 }].map(encode));
