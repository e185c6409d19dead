import { devicesStore } from '../state/devices-store.ts';
import { always } from './action.ts';
import type { Action } from './action.ts';

export const showDevices: Action = {
  id: 'show-devices',
  label: 'Devices…',
  keywords: ['gpu', 'cuda', 'webgpu', 'directml', 'coreml', 'processor', 'cpu', 'probe', 'provider', 'accelerator'],
  menu: 'run',
  shortcut: 'Mod+Shift+D',
  enabled: always,
  perform: () => devicesStore.getState().show(true),
};
