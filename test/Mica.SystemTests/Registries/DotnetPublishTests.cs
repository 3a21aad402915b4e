namespace Mica.SystemTests.Registries;

/// <summary><c>dotnet publish -t:PublishContainer</c> pushes a real application, which then runs. Nothing but the SDK is needed for it.</summary>
public sealed class DotnetPublishTests(Workbench bench)
{
    [Fact]
    public async Task Publish_OfAnApplication_IsPushedOnTopOfItsBaseAndRuns()
    {
        Assert.SkipUnless(Workbench.IsRoot, Workbench.NeedsRoot);
        await using ServedRegistry registry = await ServedRegistry.StartAsync(bench, "dotnet");
        await Shell.ScriptAsync(
            "\"$1\" \"$2\" \"$3\" debian:bookworm-slim", bench.Fixture("push-images.sh"), bench.Images.Directory, registry.Address);
        string project = bench.NewDirectory("application");
        await File.WriteAllTextAsync(Path.Combine(project, "app.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <UseAppHost>false</UseAppHost>
                <InvariantGlobalization>true</InvariantGlobalization>
              </PropertyGroup>
            </Project>
            """, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            Path.Combine(project, "Program.cs"), "System.Console.WriteLine(\"published, \" + args[0]);", TestContext.Current.CancellationToken);

        // No source of packages: the SDK has all that it takes.
        await File.WriteAllTextAsync(
            Path.Combine(project, "nuget.config"), "<configuration><packageSources><clear /></packageSources></configuration>", TestContext.Current.CancellationToken);
        await Shell.ScriptAsync(
            """
            cd "$1"
            export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CONTAINER_INSECURE_REGISTRIES=$2
            dotnet publish -v q -nodeReuse:false -p:UseSharedCompilation=false -t:PublishContainer \
              -p:ContainerBaseImage="$2/debian:bookworm-slim" -p:ContainerRegistry="$2" -p:ContainerRepository=team/app '-p:ContainerImageTags="1;latest"'
            """,
            project,
            registry.Address);

        await using MicaRoot mica = bench.NewRoot();
        string image = $"{registry.Address}/team/app:1";
        await mica.RunAsync("pull", "-q", image);
        Assert.Equal(
            bench.Images["debian:bookworm-slim"].Layers[0].DiffId,
            (string)(await mica.InspectAsync(image))["RootFS"]!["Layers"]![0]!);
        Assert.Equal(await registry.BytesAsync("/v2/team/app/manifests/1"), await registry.BytesAsync("/v2/team/app/manifests/latest"));
        string runtime = (await Shell.ScriptAsync("dirname \"$(readlink -f \"$(command -v dotnet)\")\"")).Trim();
        Assert.Equal(
            "published, and run\n",
            await mica.RunAsync("run", "--rm", "--network", "none", "-v", $"{runtime}:/usr/share/dotnet:ro", "-e", "PATH=/usr/bin:/bin:/usr/share/dotnet", image, "and run"));
    }
}
