"""Models from NESTML, the language for models of neurons and synapses.

`read_neuron` and `read_synapse` of `ship_engine.nestml.models` translate a text to descriptions of
equations, of which `ship_engine.equations` makes models.  The text is parsed and checked by the
package nestml; nothing in it is executed, and neither NEST nor a C++ compiler is needed.
"""
