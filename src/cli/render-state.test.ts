import { expect, test } from 'vitest';
import type { ContainerState } from '../lifecycle/options.ts';
import { ownerNames, renderIds, renderListJson, renderState, renderTable } from './render-state.ts';

const container: ContainerState = {
  ociVersion: '1.3.0',
  id: 'web',
  pid: 9212,
  status: 'running',
  bundle: '/srv/web',
  rootfs: '/srv/web/rootfs',
  created: '2026-11-21T12:02:06.055889754Z',
  annotations: undefined,
  owner: 0,
};
const name = ownerNames('root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\nbroken\n');

test('state: fields in order, two spaces, no line feed at the end, no empty annotations', () => {
  expect(renderState({ ...container, annotations: {} })).toBe(
    `{
  "ociVersion": "1.3.0",
  "id": "web",
  "pid": 9212,
  "status": "running",
  "bundle": "/srv/web",
  "rootfs": "/srv/web/rootfs",
  "created": "2026-11-21T12:02:06.055889754Z",
  "owner": ""
}`,
  );
  expect(Object.keys(JSON.parse(renderState({ ...container, annotations: { a: 'b' } }))).slice(-2)).toEqual([
    'annotations',
    'owner',
  ]);
});

// The expected texts were printed by runc.
test('list as a table', () => {
  expect(renderTable([], name)).toBe('ID          PID         STATUS      BUNDLE      CREATED     OWNER\n');
  expect(renderTable([{ ...container, id: 'h6x', bundle: '/tmp/h6t' }], name)).toBe(
    'ID          PID         STATUS      BUNDLE      CREATED                          OWNER\n' +
      'h6x         9212        running     /tmp/h6t    2026-11-21T12:02:06.055889754Z   root\n',
  );
});

test('list as a table: a long cell widens its column by itself and three', () => {
  const [header, row] = renderTable([{ ...container, id: 'x'.repeat(12) }], name).split('\n');
  expect(header?.indexOf('PID')).toBe(15);
  expect(row?.indexOf('9212')).toBe(15);
});

test('list as JSON: one line, null when empty', () => {
  expect(renderListJson([], name)).toBe('null\n');
  expect(renderListJson([container], name)).toBe(
    '[{"ociVersion":"1.3.0","id":"web","pid":9212,"status":"running","bundle":"/srv/web","rootfs":"/srv/web/rootfs",' +
      '"created":"2026-11-21T12:02:06.055889754Z","owner":"root"}]\n',
  );
});

test('list --quiet', () => {
  expect(renderIds([])).toBe('');
  expect(renderIds([container, { ...container, id: 'db' }])).toBe('web\ndb\n');
});

test('owners: the first name of a uid, or the number', () => {
  expect(name(0)).toBe('root');
  expect(name(1234)).toBe('#1234');
});
