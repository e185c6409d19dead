import { createStore } from 'zustand/vanilla';

interface DevicesState {
  readonly open: boolean;
  readonly show: (open: boolean) => void;
}

/** Whether the panel of devices is open. */
export const devicesStore = createStore<DevicesState>()((set) => ({
  open: false,
  show: (open) => set({ open }),
}));
