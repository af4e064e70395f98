import type { Fields } from '../store/fields.ts';

/** What the record of a container says of RDT: where its processes go, and what delete removes. */
export interface RdtRecord {
  readonly mountpoint: string;
  /** Directory of the class of service. */
  readonly group: string;
  /** Directory of the monitoring group; '' where there is none. */
  readonly monitor: string;
  /** Directories that go with the container, in order. */
  readonly remove: readonly string[];
}

export const parseRdtRecord = (fields: Fields): RdtRecord => ({
  mountpoint: fields.text('mountpoint'),
  group: fields.text('group'),
  monitor: fields.text('monitor'),
  remove: fields.textList('remove'),
});
