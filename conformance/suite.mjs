/** The OCI runtime-tools validation suite: fetched from Debian's source archive and built with Debian's Go. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { aptOptions } from '../scripts/apt.mjs';
import { ensurePackages } from '../scripts/packages.mjs';
import { must, report, repository, run, SetupError } from '../scripts/run.mjs';

const version = '0.9.0.109.ge931285';
const source = 'golang-github-opencontainers-runtime-tools';
const sha256 = '203989a1ea98cf2aaced79155bbda09270b20db19b03376dde91ab12e5e6a0fe';
const place = join(repository, 'build/conformance');
const tarball = join(place, `${source}_${version}.orig.tar.xz`);

/** Where the programs, runtimetest and the root file system of the suite are. */
export const programsDirectory = join(place, 'bin');

const goLibraries = [
  'golang-github-google-uuid-dev',
  'golang-github-mrunalp-fileutils-dev',
  'golang-github-opencontainers-specs-dev',
  'golang-github-opencontainers-selinux-dev',
  'golang-github-sirupsen-logrus-dev',
  'golang-gocapability-dev',
  'golang-github-urfave-cli-dev',
  'golang-golang-x-sys-dev',
  'golang-github-hashicorp-go-multierror-dev',
];

/** Other distributions do not package these libraries in a GOPATH. @param {string} name */
const debianOnly = (name) => ({
  what: name,
  probe: `/usr/share/doc/${name}`,
  debian: [name],
  fedora: name,
  alpine: name,
  arch: name,
  opensuse: name,
});

/** @returns {readonly string[]} names of the programs, built where they are not yet */
export const buildSuite = () => {
  const missing = ensurePackages(['golang-go', ...goLibraries].map(debianOnly));
  if (missing !== undefined) throw new SetupError(missing);
  const stamp = join(place, 'built');
  const wanted = `${sha256} ${createHash('sha256').update(readFileSync(tapPackage)).digest('hex')}`;
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    fetchSource();
    compile();
    writeFileSync(stamp, wanted);
  }
  return readdirSync(programsDirectory)
    .filter((name) => name.endsWith('.t'))
    .map((name) => name.slice(0, -2));
};

/** The one package of the suite that no Debian release holds. */
const tapPackage = join(repository, 'conformance/gopath/src/github.com/mndrix/tap-go/tap.go');

/** The suite is in a later release than the one that may be installed here. */
const fetchSource = () => {
  if (existsSync(tarball) && digest(tarball) === sha256) return;
  report('fetching the OCI validation suite');
  const flags = aptOptions({ type: 'deb-src', release: 'trixie', place });
  // The description of the source package may be gone from the archive; the tarball is what is needed, and its digest decides.
  const { stdout, stderr } = run('apt-get', [...flags, 'source', '--download-only', `${source}=${version}-1`], {
    cwd: place,
  });
  if (!existsSync(tarball) || digest(tarball) !== sha256) {
    throw new SetupError(`The OCI validation suite could not be fetched:\n${stdout}${stderr}`);
  }
};

/** @param {string} path */
const digest = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Programs of Go before modules: the suite brings no dependencies of its own, Debian's packages are a GOPATH. */
const compile = () => {
  report('building the OCI validation suite');
  const path = join(place, 'gopath');
  const suite = join(path, 'src/github.com/opencontainers/runtime-tools');
  rmSync(path, { recursive: true, force: true });
  rmSync(programsDirectory, { recursive: true, force: true });
  mkdirSync(suite, { recursive: true });
  mkdirSync(programsDirectory, { recursive: true });
  must('tar', ['-xf', tarball, '-C', suite, '--strip-components=1']);
  symlinkSync(join(repository, 'conformance/gopath/src/github.com/mndrix'), join(path, 'src/github.com/mndrix'));
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    CGO_ENABLED: '0',
    GOFLAGS: '',
    GOPATH: `${path}:/usr/share/gocode`,
    GOCACHE: join(place, 'cache'),
  };
  const build = /** @param {string} name @param {string} from */ (name, from) => {
    const { status, stdout, stderr } = run('go', ['build', '-o', join(programsDirectory, name), from], {
      cwd: suite,
      env,
    });
    if (status !== 0) throw new SetupError(`go build ${from}:\n${stdout}${stderr}`);
  };
  build('runtimetest', './cmd/runtimetest');
  for (const name of readdirSync(join(suite, 'validation'))) {
    if (name !== 'util' && !name.startsWith('.')) build(`${name}.t`, `./validation/${name}`);
  }
  copyFileSync(join(suite, 'rootfs-amd64.tar.gz'), join(programsDirectory, 'rootfs-amd64.tar.gz'));
};
