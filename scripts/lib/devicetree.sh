# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The guest's device tree: QEMU's own, plus the node that makes the PCI function's BAR a CAAM
# platform device for the stock driver.

# The one PCI device sits in this slot; its INTx pin A is this GIC SPI on `virt`
# (hw/arm/virt.c: the PCIe pins are SPI 3 to 6, swizzled by slot).
readonly PCI_SLOT=1
readonly PCI_SPI=$((3 + PCI_SLOT % 4))
# Where Linux places the only 64 KiB BAR: the start of the 32-bit window. init checks it.
readonly BAR_ADDRESS=10000000 BAR_SIZE=10000

# make_devicetree FILE JOB-RINGS QEMU-WORDS...
make_devicetree() {
	local file=$1 rings=$2 node=/crypto@$BAR_ADDRESS ring page
	shift 2
	# With as many UARTs as the guest will have: the tree names them.
	"$@" -S -display none -serial null -serial null -machine dumpdtb="$file"
	fdt "$file" s "$node" compatible fsl,sec-v4.0
	fdt "$file" x "$node" '#address-cells' 1
	fdt "$file" x "$node" '#size-cells' 1
	fdt "$file" x "$node" reg 0 "$BAR_ADDRESS" 0 "$BAR_SIZE"
	fdt "$file" x "$node" ranges 0 0 "$BAR_ADDRESS" "$BAR_SIZE"
	fdt "$file" x "$node" dma-coherent
	for ((ring = 1; ring <= rings; ring++)); do
		page=${ring}000
		fdt "$file" s "$node/jr@$page" compatible fsl,sec-v4.0-job-ring
		fdt "$file" x "$node/jr@$page" reg "$page" 1000
		# An SPI, level, active high. All rings share the function's one pin.
		fdt "$file" x "$node/jr@$page" interrupts 0 "$(printf %x "$PCI_SPI")" 4
	done
}

# fdt FILE TYPE NODE PROPERTY VALUE...: sets a property; hexadecimal where TYPE is x.
fdt() {
	tool fdtput -c -p "$1" "$3"
	tool fdtput -t "$2" "$1" "$3" "${@:4}"
}
