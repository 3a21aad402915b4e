using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Mica.Cli.CommandLine;
using Mica.Cli.Containers;
using Mica.Cli.Rendering;
using Mica.Cli.Templates;
using Mica.Engine;
using Mica.Oci;

namespace Mica.Cli.Commands;

/// <summary>What <c>mica inspect</c> looks for.</summary>
internal enum InspectedKind
{
    /// <summary>Containers, images, networks, volumes, in this order.</summary>
    Any,
    Container,
    Image,
    Network,
    Volume,
}

/// <summary><c>mica inspect</c>, <c>mica image inspect</c> and the like.</summary>
internal sealed class InspectCommand : EngineCommand
{
    private readonly Option<string?> _format;
    private readonly InspectedKind _kind;
    private readonly Option<string?>? _platform;
    private readonly Option<bool>? _remote;
    private readonly Option<bool>? _size;
    private readonly Option<string?>? _type;

    public InspectCommand(InspectedKind kind)
        : base($"[OPTIONS] {Word(kind)} [{Word(kind)}...]", SummaryOf(kind), ArgumentCount.AtLeast(1))
    {
        _kind = kind;
        _format = Text("--format", "-f", "string", FormatHelp.OfDocument, choices: ["json"]);
        if (kind is InspectedKind.Any or InspectedKind.Image)
        {
            _platform = Text("--platform", null, "string", "Inspect the variant of the image for this platform: os[/arch[/variant]]", Completes.Platforms);
            _remote = Flag("--remote", null, "Look at the image in its registry, without pulling it");
        }

        if (kind is not (InspectedKind.Network or InspectedKind.Volume))
        {
            _size = Flag("--size", "-s", kind == InspectedKind.Container
                ? "Display total file sizes" : "Show the layers of images with their digests and sizes too, and what containers changed");
        }

        if (kind == InspectedKind.Any)
        {
            _type = Text("--type", null, "string", "Only inspect objects of the given type: container, image, network, volume", choices: ["container", "image", "network", "volume"]);
        }

        if (_remote is not null)
        {
            AddInsecure();
        }
    }

    public override Completes Completes => _kind switch
    {
        InspectedKind.Container => Completes.Containers,
        InspectedKind.Network => Completes.Networks,
        InspectedKind.Volume => Completes.Volumes,
        _ => Completes.Images,
    };

    public override UserNamespaceUse UserNamespace => _kind == InspectedKind.Image ? UserNamespaceUse.None : UserNamespaceUse.ForContainers;

    public override ImmutableArray<(string CommandLine, string Explanation)> Examples => _kind switch
    {
        InspectedKind.Container => [("mica container inspect -f '{{.State.Status}}' web", "one part")],
        InspectedKind.Network => [("mica network inspect bridge", "everything")],
        InspectedKind.Volume => [("mica volume inspect -f '{{.Mountpoint}}' data", "one part")],
        _ =>
        [
            ("mica inspect debian:trixie-slim", "everything"),
            ("mica inspect -f '{{json .Config.Env}}' node:20", "one part"),
            ("mica inspect --remote --platform linux/arm64 debian", "what a pull would bring"),
        ],
    };

    protected override Task<int> RunAsync(Engine.Engine engine, Invocation invocation, CancellationToken cancellationToken)
    {
        InspectedKind kind = KindOf(invocation);
        string format = invocation.Value(_format) ?? "";
        Template? template = format is "" or "json" ? null : Template.Parse(format);
        var documents = new List<byte[]>();
        return invocation.ForEachArgumentAsync(async name =>
        {
            byte[] document = await DocumentAsync(engine, invocation, kind, name, cancellationToken);
            if (template is null)
            {
                documents.Add(document);
                return;
            }

            using JsonDocument json = JsonDocument.Parse(document);
            invocation.Output.Write(template.Apply(Value.Of(json.RootElement, ImageShape.Of)) + "\n");
        }, () =>
        {
            if (template is null)
            {
                invocation.Output.Write(InspectDocument.Array(documents, indented: format.Length == 0));
            }
        });
    }

    private static string Word(InspectedKind kind) => kind switch
    {
        InspectedKind.Container => "CONTAINER",
        InspectedKind.Network => "NETWORK",
        InspectedKind.Volume => "VOLUME",
        _ => "NAME|ID",
    };

    private static string SummaryOf(InspectedKind kind) => kind switch
    {
        InspectedKind.Container => "Display detailed information on one or more containers",
        InspectedKind.Image => "Return low-level information on images",
        InspectedKind.Network => "Display detailed information on one or more networks",
        InspectedKind.Volume => "Display detailed information on one or more volumes",
        _ => "Return low-level information on containers, images, networks and volumes",
    };

    private InspectedKind KindOf(Invocation invocation) => _type is null ? _kind : invocation.Value(_type) switch
    {
        null or "" => invocation.Value(_remote!) ? InspectedKind.Image : InspectedKind.Any,
        "container" => InspectedKind.Container,
        "image" => InspectedKind.Image,
        "network" => InspectedKind.Network,
        "volume" => InspectedKind.Volume,
        { } other => throw invocation.Misuse($"\"{Printable.Of(other)}\" is not a valid value for --type: there are container, image, network and volume"),
    };

    private async Task<byte[]> DocumentAsync(
        Engine.Engine engine, Invocation invocation, InspectedKind kind, string name, CancellationToken cancellationToken)
    {
        bool wantsSize = _size is not null && invocation.Value(_size);
        return kind switch
        {
            InspectedKind.Container => await ContainerAsync(engine, name, wantsSize, cancellationToken),
            InspectedKind.Image => InspectDocument.Of(await OpenAsync(engine, invocation, name, cancellationToken), wantsSize),
            InspectedKind.Network => await NetworkAsync(engine, name, cancellationToken),
            InspectedKind.Volume => ObjectDocuments.Of(await engine.Volumes.GetAsync(name, cancellationToken)),
            _ => await AnyAsync(engine, invocation, name, cancellationToken),
        };
    }

    private async Task<byte[]> AnyAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken)
    {
        foreach (InspectedKind kind in (InspectedKind[])[InspectedKind.Container, InspectedKind.Image, InspectedKind.Network, InspectedKind.Volume])
        {
            if (await TryAsync(engine, invocation, kind, name, cancellationToken) is { } found)
            {
                return found;
            }
        }

        throw new MicaException(ErrorKind.NotFound, $"no such object: {Printable.Of(name)}");
    }

    private async Task<byte[]?> TryAsync(
        Engine.Engine engine, Invocation invocation, InspectedKind kind, string name, CancellationToken cancellationToken)
    {
        try
        {
            return await DocumentAsync(engine, invocation, kind, name, cancellationToken);
        }
        catch (MicaException missing) when (missing.Kind == ErrorKind.NotFound)
        {
            return null;
        }
    }

    private static async Task<byte[]> ContainerAsync(Engine.Engine engine, string name, bool wantsSize, CancellationToken cancellationToken)
    {
        Container container = await engine.Containers.GetAsync(name, cancellationToken);
        return ContainerDocument.Of(container, wantsSize ? await engine.Containers.SizeAsync(container, cancellationToken) : null);
    }

    private static async Task<byte[]> NetworkAsync(Engine.Engine engine, string name, CancellationToken cancellationToken)
    {
        Network network = await engine.Networks.GetAsync(name, cancellationToken);
        return ObjectDocuments.Of(network, await engine.Networks.UsersAsync(network, cancellationToken));
    }

    private async Task<InspectedImage> OpenAsync(Engine.Engine engine, Invocation invocation, string name, CancellationToken cancellationToken)
    {
        if (!invocation.Value(_remote!))
        {
            if (await engine.Store.FindAsync(name, cancellationToken) is null)
            {
                throw new MicaException(ErrorKind.NotFound, $"no such object: {Printable.Of(name)}");
            }

            return InspectedImage.Of(await engine.Store.InspectAsync(name, invocation.PlatformOf(_platform!), cancellationToken));
        }

        ImageReference reference = ImageReference.Parse(name).WithDefaultTag();
        return InspectedImage.Of(await engine.Images.OpenRemoteAsync(
            reference, invocation.PlatformToFetch(_platform!), progress: null, cancellationToken), reference);
    }
}
