using System.Collections.Immutable;
using Mica.Dockerfile;
using Mica.Oci;

namespace Mica.Tests.Dockerfile;

public sealed class InstructionExpanderTests
{
    private static readonly InstructionExpander s_expander = new('\\');
    private static readonly VariableScope s_scope = VariableScope.Empty.WithEnvironment("x", "1").WithEnvironment("two", "a b");

    [Theory]
    [InlineData("ENV a=$x b=\"$two\" c='$x' d=\\$x e=a\\ b", "a=1 b=a b c=$x d=$x e=a b")]
    [InlineData("ENV x=2 y=$x", "x=2 y=1")]
    [InlineData("ENV old  $x  \"y\"", "old=1  y")]
    [InlineData("ENV pre$x=v", "pre1=v")]
    [InlineData("LABEL \"a.b\"=\"$x\" $x=c", "a.b=1 1=c")]
    [InlineData("ARG a=$x b", "a=1 b=<none>")]
    [InlineData("EXPOSE $x $two", "1,a,b")]
    [InlineData("VOLUME /$x /$two", "/1,/a b")]
    [InlineData("VOLUME [\"/$two\"]", "/a b")]
    [InlineData("USER $x:$x", "1:1")]
    [InlineData("WORKDIR /$two/\"c\"", "/a b/c")]
    [InlineData("STOPSIGNAL $x", "1")]
    [InlineData("COPY --chown=$x:$x --chmod=$x --exclude=$x* --from=$x $x $two/", "1|a b/|1:1|1|1*|$x")]
    [InlineData("ADD --checksum=sha256:$x $x /", "1|/|||sha256:1")]
    [InlineData("FROM --platform=$x $x:$x AS b", "1:1 1")]
    [InlineData("RUN echo $x", "echo $x")]
    [InlineData("CMD echo $x", "echo $x")]
    [InlineData("ENTRYPOINT [\"$x\"]", "$x")]
    [InlineData("MAINTAINER $x", "$x")]
    [InlineData("SHELL [\"$x\"]", "$x")]
    public void Expand_Instruction_ReplacesWhereTheReferenceSaysSo(string text, string expected) => Assert.Equal(expected, Shown(text));

    [Fact]
    public void Expand_Heredocs_ReplaceUnlessQuotedAndKeepQuotes()
    {
        DockerfileDocument document = DockerfileDocument.Parse("FROM scratch\nCOPY <<a <<'b' /d/\nit's \"$x\" \\$x\na\n$x\nb\n");

        var copy = (CopyInstruction)s_expander.Expand(document.Stages[0].Instructions[0], s_scope).Instruction;

        Assert.Equal(["it's \"1\" $x\n", "$x\n"], copy.Transfer.Sources.Cast<InlineSource>().Select(source => source.File.Content));
    }

    [Fact]
    public void Expand_Undefined_IsToldForTheWholeInstruction()
    {
        ExpandedInstruction expanded = s_expander.Expand(Instruction("COPY --chown=$u $x $v /"), s_scope);

        Assert.Equal(["x"], expanded.Used);
        Assert.Equal(["u", "v"], expanded.Undefined.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("type=bind,target=/a$x,source=$two", "BindMount { Target = /a1, Source = a b, From = , ReadOnly = True }")]
    [InlineData("target=/x,rw", "BindMount { Target = /x, Source = , From = , ReadOnly = False }")]
    [InlineData("target=/x,ro=false,from=b", "BindMount { Target = /x, Source = , From = b, ReadOnly = False }")]
    [InlineData("type=tmpfs,dst=/x,size=1.5k", "TmpfsMount { Target = /x, Size = 1536 }")]
    [InlineData("type=secret,target=/dir/name", "SecretMount { Id = name, Target = /dir/name, Environment = , Required = False, Ownership = FileOwnership { Mode = , UserId = , GroupId =  } }")]
    [InlineData("type=secret,id=a,mode=0440,uid=5", "SecretMount { Id = a, Target = /run/secrets/a, Environment = , Required = False, Ownership = FileOwnership { Mode = 288, UserId = 5, GroupId =  } }")]
    [InlineData("type=secret,id=a,env=A,required", "SecretMount { Id = a, Target = , Environment = A, Required = True, Ownership = FileOwnership { Mode = , UserId = , GroupId =  } }")]
    [InlineData("type=ssh", "SshMount { Id = default, Target = , Required = False, Ownership = FileOwnership { Mode = , UserId = , GroupId =  } }")]
    [InlineData("TYPE=cache,Target=/c,id=$x", "CacheMount { Target = /c, Id = 1, Sharing = Shared, From = , Source = , ReadOnly = False, Ownership = FileOwnership { Mode = , UserId = , GroupId =  } }")]
    public void Mounts_OfRun_AreReadWithTheValues(string mount, string expected)
    {
        var run = (RunInstruction)Instruction($"RUN --mount={mount} x");

        Assert.Equal(expected, Assert.Single(s_expander.Mounts(run, s_scope)).ToString());
    }

    [Fact]
    public void GlobalScope_Defaults_UsePlatformsAndWhatCameBefore()
    {
        DockerfileDocument document = DockerfileDocument.Parse("ARG A=1 B=$A-$TARGETARCH\nARG C=${B}x D\nFROM scratch\n");
        BuildArguments arguments = Arguments("A=2", "D=4");

        VariableScope scope = arguments.GlobalScope(document);

        Assert.Equal("2 2-arm64 2-arm64x 4 linux/arm64/v9 linux/amd64 default", string.Join(' ', new[] { "A", "B", "C", "D", "TARGETPLATFORM", "BUILDPLATFORM", "TARGETSTAGE" }
            .Select(name => scope.TryGet(name, out string? value) ? value : "-")));
    }

    [Fact]
    public void GlobalScope_RequiredArgument_FailsWithItsLine()
    {
        DockerfileDocument document = DockerfileDocument.Parse("ARG A\nARG B=\"${A:?give it}\"\nFROM scratch\n");

        DockerfileException exception = Assert.Throws<DockerfileException>(() => Arguments().GlobalScope(document));

        Assert.Equal("dockerfile parse error on line 2: A: give it", exception.Message);
    }

    [Theory]
    [InlineData("A=1", null, "given")]
    [InlineData("", "stage", "stage")]
    [InlineData("", null, "global")]
    public void Declare_Argument_TakesGivenThenDefaultThenGlobal(string given, string? fallback, string expected)
    {
        BuildArguments arguments = given.Length > 0 ? Arguments("A=given") : Arguments();
        VariableScope global = VariableScope.Empty.WithArgument("A", "global");

        VariableScope scope = arguments.Declare(VariableScope.Empty, new ArgumentDeclaration("A", fallback), global);

        Assert.True(scope.TryGet("A", out string? value));
        Assert.Equal(expected, value);
    }

    [Fact]
    public void Scope_EnvironmentAndArgument_EnvironmentWinsWhicheverCameFirst()
    {
        VariableScope first = VariableScope.Empty.WithEnvironment("a", "env").WithArgument("a", "arg");
        VariableScope last = VariableScope.Empty.WithArgument("a", "arg").WithEnvironment("a", "env");

        Assert.True(first.TryGet("a", out string? one) && last.TryGet("a", out string? two) && one == "env" && two == "env");
        Assert.False(VariableScope.Empty.WithArgument("b", null).TryGet("b", out _));
        Assert.True(VariableScope.Empty.WithArgument("b", "1").WithArgument("b", null).TryGet("b", out _));
    }

    [Theory]
    [InlineData("80", "80/tcp", false)]
    [InlineData("80/UDP", "80/udp", false)]
    [InlineData("80-82/sctp", "80/sctp,81/sctp,82/sctp", false)]
    [InlineData("8080:80", "80/tcp", true)]
    [InlineData("127.0.0.1:80:80", "80/tcp", true)]
    public void ExposedPorts_Word_HasTheKeysOfTheConfig(string text, string keys, bool host)
    {
        ExposedPorts ports = ExposedPorts.Parse(text);

        Assert.Equal(keys, string.Join(',', ports.Keys));
        Assert.Equal(host, ports.HasHostPart);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("80/x")]
    [InlineData("65536")]
    [InlineData("3-2")]
    [InlineData("80:")]
    public void ExposedPorts_NotAPort_IsRefused(string text) => Assert.Throws<MicaException>(() => ExposedPorts.Parse(text));

    private static BuildArguments Arguments(params string[] given) => new(
        given.ToImmutableDictionary(pair => pair.Split('=')[0], pair => pair.Split('=')[1]),
        new Platform { Os = "linux", Architecture = "amd64" }, new Platform { Os = "linux", Architecture = "arm64", Variant = "v9" });

    private static Instruction Instruction(string text)
    {
        DockerfileDocument document = DockerfileDocument.Parse(text.StartsWith("FROM", StringComparison.Ordinal) ? text : "FROM scratch\n" + text);
        document.ThrowIfInvalid();
        return text.StartsWith("FROM", StringComparison.Ordinal) ? document.Stages[0].From : document.Stages[0].Instructions[0];
    }

    private static string Shown(string text) => s_expander.Expand(Instruction(text), s_scope).Instruction switch
    {
        EnvInstruction variables => Pairs(variables.Variables),
        LabelInstruction labels => Pairs(labels.Labels),
        ArgInstruction argument => string.Join(' ', argument.Arguments.Select(one => $"{one.Name}={one.Default ?? "<none>"}")),
        ExposeInstruction expose => string.Join(',', expose.Ports),
        VolumeInstruction volume => string.Join(',', volume.Paths),
        UserInstruction user => user.User,
        WorkdirInstruction workdir => workdir.Path,
        StopSignalInstruction signal => signal.Signal,
        CopyInstruction copy => $"{Transfer(copy.Transfer)}|{string.Join(',', copy.Transfer.Exclude)}|{copy.From}",
        AddInstruction add => $"{Transfer(add.Transfer)}|{add.Checksum}",
        FromInstruction stage => $"{stage.BaseName} {stage.Platform}",
        RunInstruction { Command: ShellCommand command } => command.Text,
        CmdInstruction { Command: ShellCommand command } => command.Text,
        EntrypointInstruction { Command: ExecCommand command } => command.Words[0],
        MaintainerInstruction maintainer => maintainer.Author,
        ShellInstruction shell => shell.Words[0],
        _ => throw new InvalidOperationException(),
    };

    private static string Pairs(IEnumerable<NamedValue> pairs) => string.Join(' ', pairs.Select(pair => $"{pair.Name}={pair.Value}"));

    private static string Transfer(FileTransfer transfer) =>
        $"{string.Join(',', transfer.Paths)}|{transfer.Destination}|{transfer.Owner}|{transfer.Mode}";
}
