import { defineConfig } from 'vite';

export default defineConfig({
  base: './', // the page also works below a proxy's prefix
  build: {
    outDir: 'page/dist',
    assetsDir: '_assets',
    emptyOutDir: true,
    target: 'es2022',
    license: { fileName: 'licenses.md' }, // of what is bundled; the page links to it
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600, // the players are big, and come only when they are asked for
  },
  server: { proxy: { '/api': 'http://localhost:8080', '^/[a-z0-9-]+/.+\\.(m3u8|mpd|m4s|mp4)$': 'http://localhost:8080' } },
});
