import { exportObstacle, exportName, exportSource } from '../features/export/export-source.ts';
import { exportStore } from '../state/export-store.ts';
import type { Action } from './action.ts';

export const startExport: Action = {
  id: 'start-export',
  label: 'Export the plan',
  keywords: ['save', 'checkpoint', 'hugging face', 'onnx', 'write'],
  menu: 'run',
  shortcut: 'Mod+E',
  enabled: (facts) => facts.connected && exportObstacle(facts, exportStore.getState()) === null,
  perform: async (engine, facts) => {
    const state = exportStore.getState();
    const source = exportSource(facts, state);
    if (source === null || state.into === null) return;
    const made =
      source.call === 'sweep.plan'
        ? await engine.cache.fetch('sweep.plan', source.input)
        : source.call === 'plan.import'
          ? await engine.cache.fetch('plan.import', source.input)
          : await engine.cache.fetch('plan.make', source.input);
    const { run } = await engine.bridge.call('export.start', {
      model: source.model.handle,
      plan: made.plan,
      into: state.into.handle,
      name: exportName(source, state.name),
      format: state.format,
    });
    engine.cache.invalidate((name) => name === 'runs.list' || name === 'jobs.list');
    exportStore.getState().showRun(run);
  },
};
