// Reads a Jenkinsfile with Groovy's own compiler, as Jenkins does, and runs it against the sections, directives and steps that a
// declarative pipeline may have at each place (jenkins.io, Pipeline Syntax), as far as zdc writes them. Prints the scripts of its
// `sh` steps, a NUL after each. Jenkins' own model of a pipeline is no library: its plugins need a running Jenkins.
import org.codehaus.groovy.control.CompilerConfiguration

class Block {
  static final MAY = [
    file: ['pipeline'],
    pipeline: ['agent', 'options', 'parameters', 'stages'],
    options: ['disableConcurrentBuilds'],
    parameters: ['string'],
    stages: ['stage'],
    stage: ['steps'],
    steps: ['sh'],
  ]
  static final MUST = [file: ['pipeline'], pipeline: ['agent', 'stages'], stages: ['stage'], stage: ['steps'], steps: ['sh']]
  // Of blocks of these names there may be several in a row.
  static final MANY = ['string', 'stage', 'sh']

  final String name
  final List<String> seen = []

  Block(String name) { this.name = name }

  def methodMissing(String word, Object arguments) {
    if (!(word in MAY[name])) throw new Exception("`$word` has no place in `$name`")
    if (word in seen && !(word in MANY)) throw new Exception("a second `$word` in `$name`")
    seen << word
    def given = arguments as List
    switch (word) {
      case 'agent': require(given == ['any'], word); break
      case 'disableConcurrentBuilds': require(given == [], word); break
      case 'string':
        require(given.size() == 1 && given[0] instanceof Map, word)
        require(given[0].keySet() == ['name', 'defaultValue', 'description'] as Set, word)
        require(given[0].values().every { it instanceof String }, word)
        require(given[0].name ==~ /[A-Za-z_][A-Za-z0-9_]*/, word)
        break
      case 'sh':
        require(given.size() == 1 && given[0] instanceof String, word)
        print(given[0] + '\0')
        break
      case 'stage': require(given.size() == 2 && given[0] instanceof String && given[0], word); inside(word, given[1]); break
      default: require(given.size() == 1, word); inside(word, given[0])
    }
  }

  def propertyMissing(String word) {
    if (name != 'pipeline' || word != 'any') throw new Exception("`$word` means nothing in `$name`")
    word
  }

  void inside(String word, Object body) {
    require(body instanceof Closure, word)
    def block = new Block(word)
    body.delegate = block
    body.resolveStrategy = Closure.DELEGATE_ONLY
    body.call()
    block.end()
  }

  void end() {
    def missing = (MUST[name] ?: []) - seen
    if (missing) throw new Exception("`$name` has no `${missing[0]}`")
  }

  private void require(boolean holds, String word) {
    if (!holds) throw new Exception("`$word` in `$name` is given what it does not take")
  }
}

def configuration = new CompilerConfiguration(scriptBaseClass: 'groovy.util.DelegatingScript')
def script = new GroovyShell(this.class.classLoader, new Binding(), configuration).parse(new File(args[0]))
def file = new Block('file')
script.setDelegate(file)
script.run()
file.end()
