"""The contract with the PBX: channel variables, results, reasons, dialplan entries."""
