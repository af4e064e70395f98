import { describe } from 'vitest';
import { expect, test } from './support/box.ts';

describe('the box of the integration tests', () => {
  test('a probe brings back output and status', async ({ box }) => {
    const outcome = await box.probe('hostname; echo oops >&2; exit 3', (config) => {
      config.hostname = 'elsewhere';
    });
    expect(outcome).toEqual({ code: 3, signal: null, stdout: 'elsewhere\n', stderr: 'oops\n' });
  });

  test('a created container outlives its creator and is deleted at the end', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.process.args = ['sleep', '100'];
    });
    const id = await box.create(bundle);
    expect(await box.state(id)).toMatchObject({ id, status: 'created', bundle: bundle.path });
    await box.ok('start', id);
    await box.reached(id, 'running');
  });
});
