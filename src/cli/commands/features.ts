import { features } from '../../features.ts';
import { commit, version } from '../../generated/version.ts';
import { probeHost } from '../../host/probe.ts';
import { loadNative } from '../../native/load.ts';
import type { Call } from '../commands.ts';
import { commands } from '../table.ts';

export function run({ print }: Call<'features'>): number {
  const document = features({
    kernel: probeHost().kernel,
    version,
    commit,
    libseccompVersion: loadNative().libseccompVersion,
    checkpoint: commands.some(({ name }: { readonly name: string }) => name === 'checkpoint'),
  });
  print(`${JSON.stringify(document, null, 4)}\n`);
  return 0;
}
