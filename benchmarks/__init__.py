"""The same network on several simulators, timed side by side.

``python -m benchmarks cuba --against nest neuron`` runs the network called ``cuba`` on ship, NEST
and NEURON in turn, each run in a process of its own, and prints a table of medians and ratios.

=================  ==================================================================
``__main__.py``    the command line
``networks/``      one network a file: a function of the simulator module and options
``measures.py``    what a network measures: names, units, memory
``simulators.py``  which Python interpreter has which simulator, and how to get it
``child.py``       the body of one measured process
``runner.py``      starts the processes one after another, alternating the simulators
``report.py``      tables of medians and ratios, as text and as markdown
``machine.py``     what it was measured on
=================  ==================================================================
"""
