import { defineConfig } from "vitest/config";
import { styleText } from "./style.mjs";

export default defineConfig({
  plugins: [
    {
      name: "style-as-text",
      enforce: "pre",
      async load(id) {
        return id.endsWith(".css") ? `export default ${JSON.stringify(await styleText(id))}` : undefined;
      },
    },
  ],
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});
