// No preprocessor: Svelte itself drops the types of `<script lang="ts">`.
export default {
  compilerOptions: { runes: true },
};
