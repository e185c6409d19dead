import { planStanding } from '../../main/words/verdicts.ts';
import {
  canAskTransformers,
  chosenFormat,
  chosenMtp,
  exportName,
  exportObstacle,
  exportSource,
} from '../plan/export-source.ts';
import { exportStore } from '../state/model-forms.ts';
import type { Action } from './action.ts';
import { planOf } from './plan.ts';

export const exportPoint: Action = {
  id: 'export-point',
  label: 'Export the plan of the selected point',
  keywords: ['curve', 'candidate', 'save'],
  menu: 'run',
  enabled: ({ selection }) => selection.point !== null && selection.point.factor > 1,
  perform: (_engine, { selection }) => exportStore.getState().choosePoint(selection.point),
};

export const showExport: Action = {
  id: 'show-export',
  label: 'Export…',
  keywords: ['save', 'checkpoint', 'verify', 'plan', 'drawer'],
  menu: 'run',
  shortcut: 'Mod+Shift+E',
  perform: () => exportStore.getState().show(true),
};

export const startExport: Action = {
  id: 'start-export',
  label: 'Start the export',
  keywords: ['save', 'checkpoint', 'hugging face', 'onnx', 'gguf', 'llama.cpp', 'write'],
  menu: 'run',
  shortcut: 'Mod+E',
  inDialogs: true,
  enabled: (facts) => facts.connected && exportObstacle(facts, exportStore.getState()) === null,
  perform: async (engine, facts, signal) => {
    const state = exportStore.getState();
    const source = exportSource(facts, state);
    if (source === null || state.into === null) return;
    const made =
      source.call === 'sweep.plan'
        ? await engine.cache.fetch('sweep.plan', source.input)
        : await planOf(engine.cache, source);
    const { results } = await engine.cache.fetch('export.measured', { model: source.model.handle, plan: made.plan });
    const key = JSON.stringify(source.input);
    if (signal.aborted) return;
    if (planStanding(results) !== 'safe' && state.toConfirm !== key) {
      state.show(true);
      exportStore.setState({ toConfirm: key });
      return;
    }
    const { format, ggufType, hfType } = chosenFormat(source, state);
    const { run } = await engine.bridge.call('export.start', {
      model: source.model.handle,
      plan: made.plan,
      into: state.into.handle,
      name: exportName(source, state.name),
      format,
      ggufType: format === 'gguf' ? (ggufType ?? undefined) : undefined,
      hfType: format === 'hf' ? (hfType ?? undefined) : undefined,
      mtp: chosenMtp(source, state),
      referee: state.referee && canAskTransformers(source, state) ? true : undefined,
    });
    exportStore.getState().showRun(run);
  },
};
