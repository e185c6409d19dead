import type { z } from 'zod';
import { type ModelEntry, modelEntry } from '../../../main/contract/model.ts';
import { type TaskEntry, taskEntry } from '../../../main/contract/task.ts';
import { modelInfoOf } from './model-info-of.ts';

/** A bundled model of the list, with `fields` overriding its own. */
export const modelEntryOf = (name: string, fields: Partial<z.input<typeof modelEntry>> = {}): ModelEntry =>
  modelEntry.parse({
    handle: name,
    name,
    path: `/${name}`,
    bundled: true,
    fingerprint: name,
    error: null,
    info: modelInfoOf(),
    ...fields,
  });

/** A bundled task of the list with four choices an item, with `fields` overriding its own. */
export const taskEntryOf = (name: string, fields: Partial<z.input<typeof taskEntry>> = {}): TaskEntry =>
  taskEntry.parse({
    handle: name,
    name,
    title: name,
    description: '',
    metric: 'acc',
    source: '',
    licence: '',
    path: '/t',
    bundled: true,
    items: { calibration: 300, test: 300 },
    chance: 0.25,
    hash: 'h',
    error: null,
    ...fields,
  });
