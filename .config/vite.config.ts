// Owns how the inspector's page is built: from src/inspector/ui into dist/inspector, beside what tsc compiles there. Its files are index.html and
// assets/, whose names carry a digest of what is in them. Nothing is inlined, since the page's Content-Security-Policy runs no inline script or style.
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vite';

const root = path.join(import.meta.dirname, '..');
const outDir = path.join(root, 'dist/inspector');

export default defineConfig({
  root: path.join(root, 'src/inspector/ui'),
  base: './',
  publicDir: false,
  logLevel: 'warn',
  cacheDir: path.join(root, 'node_modules/.vite'),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [
    {
      name: 'forget-older-assets',
      // Of dist/inspector only assets/ is this build's to tidy, and not before the page that names the new ones is there: a proxy may be serving it.
      writeBundle(_, bundle) {
        for (const name of readdirSync(path.join(outDir, 'assets')))
          if (!(`assets/${name}` in bundle)) rmSync(path.join(outDir, 'assets', name));
      },
    },
  ],
  build: {
    outDir,
    emptyOutDir: false,
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1024,
  },
});
