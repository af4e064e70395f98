/**
 * What the executable's own engine offers (addon/engine): functions over system calls and text. The modules of this folder
 * make of them what the program expects of Node.js; the build puts them in the place of Node's.
 */
import type { Native } from '../native/native.ts';

/** Those that work on a path or descriptor throw errors like Node's: code, errno, syscall, path. */
export interface Natives {
  readonly argv: readonly string[];
  /** NAME=value */
  readonly environment: readonly string[];
  readonly pid: number;
  readonly euid: number;
  readonly egid: number;
  /** As Node names it: "x64", "arm64". */
  readonly machine: string;
  readonly engineVersion: string;
  readonly addon: Native;

  /** Bytes: a path that is no UTF-8. */
  open(path: string | Uint8Array, flags: number, mode: number): number;
  close(fd: number): void;
  readFd(fd: number): ArrayBuffer;
  readFile(path: string): ArrayBuffer;
  writeBytes(fd: number, bytes: ArrayBufferLike, offset: number, length: number): number;
  readBytes(fd: number, bytes: ArrayBufferLike, offset: number, length: number, position: number): number;
  /** inotify of one file. */
  watch(path: string): number;
  writeText(fd: number, text: string): number;
  mkdir(path: string, mode: number): void;
  rmdir(path: string | Uint8Array): void;
  unlink(path: string): void;
  chmod(path: string, mode: number): void;
  chown(path: string, uid: number, gid: number): void;
  fchmod(fd: number, mode: number): void;
  fchown(fd: number, uid: number, gid: number): void;
  access(path: string, mode: number): void;
  exists(path: string): boolean;
  rename(from: string, to: string): void;
  readlink(path: string): string;
  realpath(path: string): string;
  mkdtemp(prefix: string): string;
  /** Name and d_type by turns. */
  readdir(path: string, latin1: boolean): readonly (string | number)[];
  /** dev, ino, mode, uid, gid, rdev, size, nlink, mtimeMs */
  stat(path: string, follow: boolean): readonly number[];
  fstat(fd: number): readonly number[];

  encodeUtf8(text: string): ArrayBuffer;
  /** The bytes written. */
  encodeAt(text: string, bytes: ArrayBufferLike, offset: number): number;
  /** What is no UTF-8 becomes U+FFFD. */
  decodeUtf8(bytes: ArrayBufferLike, offset: number, length: number): string;
  validUtf8(bytes: ArrayBufferLike, offset: number, length: number): boolean;

  /** Of a stream socket to a unix address; NUL first for an abstract one. */
  connect(path: string): number;
  /** All of it. */
  send(fd: number, bytes: ArrayBufferLike, offset: number, length: number): void;
  /** What is there; nothing when the other side has closed. */
  receive(fd: number): ArrayBuffer;
  /** Nothing more is sent or received; whoever waits wakes up. */
  shutdown(fd: number): void;
  /** Once, when reading would not block. The descriptor stays open until then. */
  onReadable(fd: number, callback: () => void): void;
  /** What onReadable waits for is as good as there; the descriptor is closed after that. */
  endWaits(fd: number): void;

  startTimer(callback: () => void, milliseconds: number): number;
  stopTimer(id: number): void;
  /** Of a clock that only goes forward. */
  milliseconds(): number;
  /** import() of a module of the executable; called by what scripts/bundle-engine.ts writes in its place. */
  load(name: string): Promise<unknown>;
  /** So many bytes that nobody can guess. */
  random(length: number): ArrayBuffer;
  cwd(): string;
  /** 2 -> "ENOENT" */
  errnoName(errno: number): string | undefined;
  kill(pid: number, signal: number): void;
  exit(status: number): never;
  /** How many the terminal has that the descriptor is; 0 when it is none. */
  columns(fd: number): number;
}

declare const engineNatives: Natives;

export const natives: Natives = engineNatives;
