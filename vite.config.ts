import path from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const root = path.dirname(fileURLToPath(import.meta.url));

export default defineConfig({
  root: path.join(root, 'renderer'),
  // Electron's own protocol and `uncurl serve` both serve the page from the root of an origin.
  base: '/',
  plugins: [react()],
  resolve: {
    alias: { '@radix-ui/react-dialog': path.join(root, 'renderer', 'components', 'no-radix-dialog.ts') },
  },
  build: {
    outDir: path.join(root, 'dist', 'renderer'),
    emptyOutDir: true,
    target: 'chrome114',
    // The page's policy allows no inline scripts and no data: fonts, so everything is a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2_000,
  },
});
