using System.CommandLine;
using Mica.Cli.CommandLine;

namespace Mica.Cli.Commands;

/// <summary>The options of <c>mica build</c>.</summary>
internal sealed partial class BuildCommand
{
    private readonly Option<string[]> _addHosts;
    private readonly Option<string[]> _allow;
    private readonly Option<string[]> _annotations;
    private readonly Option<string[]> _arguments;
    private readonly Option<string[]> _attests;
    private readonly Option<string[]> _contexts;
    private readonly Option<string[]> _cacheFrom;
    private readonly Option<string[]> _cacheTo;
    private readonly Option<string?> _call;
    private readonly Option<bool> _check;
    private readonly Option<bool> _explain;
    private readonly Option<string?> _explainIgnore;
    private readonly Option<string?> _file;
    private readonly Option<string?> _idFile;
    private readonly Option<string[]> _labels;
    private readonly Option<bool> _load;
    private readonly Option<string?> _metadataFile;
    private readonly Option<string?> _network;
    private readonly Option<bool> _noCache;
    private readonly Option<string[]> _noCacheFilter;
    private readonly Option<string?> _onFail;
    private readonly Option<string[]> _outputs;
    private readonly Option<string[]> _platforms;
    private readonly Option<bool> _locked;
    private readonly Option<bool> _portableModes;
    private readonly Option<string?> _provenance;
    private readonly Option<bool> _pull;
    private readonly Option<bool> _push;
    private readonly Option<bool> _quiet;
    private readonly Option<string?> _sbom;
    private readonly Option<string[]> _secrets;
    private readonly Option<string?> _shmSize;
    private readonly Option<bool> _squash;
    private readonly Option<string[]> _ssh;
    private readonly Option<string[]> _tags;
    private readonly Option<string?> _target;
    private readonly Option<string?> _timeout;
    private readonly Option<string[]> _ulimits;

    public BuildCommand()
        : base("[OPTIONS] PATH | URL | -", "Build an image from a Dockerfile", ArgumentCount.Exactly(1))
    {
        _addHosts = Texts("--add-host", null, "strings", "Add a custom host-to-IP mapping: NAME:ADDRESS, NAME:host-gateway for this machine");
        _allow = Texts("--allow", null, "strings", "Allow extra privileged entitlement", "network.host", "security.insecure");
        _annotations = Texts("--annotation", null, "strings", "Add annotation to the image: [manifest|index:]KEY=VALUE");
        _arguments = Texts("--build-arg", null, "strings", "Set build-time variables: NAME=VALUE, or NAME for the environment's value; SOURCE_DATE_EPOCH=context is the time of a git or web context");
        _attests = Texts("--attest", null, "strings", "Attestation: type=provenance[,mode=min|max][,builder-id=URI][,filename=NAME], type=sbom is not supported", "type=provenance", "type=provenance,mode=min");
        _contexts = Texts("--build-context", null, "strings", "Additional build contexts: NAME=PATH, NAME=docker-image://IMAGE, NAME=URL");
        _cacheFrom = Texts("--cache-from", null, "strings", "External cache sources (eg. user/app:cache, type=local,src=DIR)");
        _cacheTo = Texts("--cache-to", null, "strings", "Cache export destinations (eg. user/app:cache, type=local,dest=DIR, type=inline)");
        _call = Text("--call", null, "string", "Set method for evaluating build: build, check, outline, targets (default build)",
            choices: ["build", "check", "outline", "targets"]);
        _check = Flag("--check", null, "Shorthand for --call=check");
        _explain = Flag("--explain", null, "Say of every step that is executed what differs from the last build");
        _explainIgnore = Text("--explain-ignore", null, "path", "Say whether the path is in the context, and which line of the ignore file decides it");
        _file = Text("--file", "-f", "string", "Name of the Dockerfile (default PATH/Dockerfile)", Completes.Files);
        _idFile = Text("--iidfile", null, "string", "Write the image ID to a file", Completes.Files);
        _labels = Texts("--label", null, "strings", "Set metadata for an image");
        _load = Flag("--load", null, "Shorthand for --output=type=docker: the image is in the store anyway");
        _locked = Flag("--locked", null, "Take images and addresses as mica.lock has them; fail when one is not in it");
        _metadataFile = Text("--metadata-file", null, "string", "Write build result metadata to a file", Completes.Files);
        _network = Text("--network", null, "string", "Set the networking mode for the RUN instructions during build (default default)",
            choices: ["default", "none", "host"]);
        _noCache = Flag("--no-cache", null, "Do not use cache when building the image");
        _noCacheFilter = Texts("--no-cache-filter", null, "strings", "Do not cache specified stages");
        _onFail = Text("--on-fail", null, "string", "What to do when a RUN instruction fails: abort, or shell for a shell where it failed (default abort)", choices: ["shell", "abort"]);
        _outputs = Texts("--output", "-o", "strings", "Output destination: type=local,dest=DIR, or DIR; with SOURCE_DATE_EPOCH, rewrite-timestamp=false leaves later file times as they are",
            "type=image", "type=registry", "type=local,dest=", "type=tar,dest=", "type=oci,dest=", "type=docker,dest=", "type=cacheonly");
        _platforms = Texts("--platform", null, "strings", "Set target platform for build: os/arch[/variant], several with commas");
        _portableModes = Flag("--portable-modes", null, "Take modes of context files as 0644 or 0755, so that checkouts with another umask share cache and digest");
        _provenance = Text("--provenance", null, "string", "Shorthand for --attest=type=provenance: true, mode=min, mode=max (default false, since the image becomes an index with it)");
        _pull = Flag("--pull", null, "Always attempt to pull all referenced images");
        _push = Flag("--push", null, "Shorthand for --output=type=registry");
        _quiet = Flag("--quiet", "-q", "Suppress the build output and print image ID on success");
        _sbom = Text("--sbom", null, "string", "Shorthand for --attest=type=sbom (not supported)");
        _secrets = Texts("--secret", null, "strings", "Secret to expose to the build: id=ID[,src=FILE|env=NAME]");
        _shmSize = Text("--shm-size", null, "bytes", "Shared memory size for build containers");
        _squash = Flag("--squash", null, "Make the layers that the build adds one");
        _ssh = Texts("--ssh", null, "strings", "SSH agent socket to expose to the build: default|ID[=SOCKET]");
        _tags = Texts("--tag", "-t", "strings", "Image identifier: [registry/]repository[:tag]");
        _target = Text("--target", null, "string", "Set the target build stage to build");
        _timeout = Text("--timeout", null, "duration", "Stop a RUN instruction that takes longer, such as 10m");
        _ulimits = Texts("--ulimit", null, "strings", "Ulimit options: NAME=SOFT[:HARD]");
        AddInsecure();
        AddMaxLayerSize();
    }
}
