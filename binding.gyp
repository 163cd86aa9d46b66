{
  # An adapter and no more: node-gyp and prebuildify expect this file, build.zig does the work.
  "targets": [
    {
      "target_name": "hyperdjango",
      "type": "none",
      "actions": [
        {
          "action_name": "build_native",
          "inputs": ["build.zig", "scripts/build-native.mjs"],
          "outputs": ["<(PRODUCT_DIR)/hyperdjango.node"],
          "action": ["node", "scripts/build-native.mjs"]
        }
      ]
    }
  ]
}
